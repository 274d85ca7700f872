// Text of `packing.py` → columns of integers.

async function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Returns a function (count, order) → the next column, as Float64Array.
async function unpacked(text) {
  const bytes = await inflated(text);
  let place = 0;
  return (count, order) => {
    const values = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const low = bytes[place + i] | (bytes[place + count + i] << 8);
      const zigzag = low | (bytes[place + 2 * count + i] << 16) | (bytes[place + 3 * count + i] << 24);
      values[i] = (zigzag >>> 1) ^ -(zigzag & 1);
    }
    place += 4 * count;
    for (let step = 0; step < order; step++) {
      for (let i = 1; i < count; i++) values[i] += values[i - 1];
    }
    return Float64Array.from(values);
  };
}
