import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from jaxz.kernels.resolution import apply_resolution


@pytest.mark.parametrize("ndiag", [1, 3, 11])
def test_equals_the_sparse_matrix_of_desi_files(rng, ndiag):
    npix = 40
    bands, model = rng.uniform(size=(ndiag, npix)), rng.normal(size=(3, npix))
    offsets = np.arange(ndiag // 2, -(ndiag // 2) - 1, -1)
    matrix = scipy.sparse.dia_matrix((bands, offsets), (npix, npix))
    np.testing.assert_allclose(
        apply_resolution(jnp.asarray(bands), jnp.asarray(model)), (matrix @ model.T).T, rtol=1e-12
    )
