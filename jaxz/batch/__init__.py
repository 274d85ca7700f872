"""Catalogs larger than memory: files are measured in parts, and what is finished is kept.

The parts can be done by this process, by an array of jobs, or by a Dask cluster; the catalog is the same.
"""

from jaxz.batch.choice import Choice as Choice
from jaxz.batch.folder import Folder as Folder, Record as Record
from jaxz.batch.jobs import (
    Execute as Execute,
    Report as Report,
    Watcher as Watcher,
    expanded as expanded,
    merge as merge,
    run_job as run_job,
)
from jaxz.batch.models import write_best_fits as write_best_fits
from jaxz.batch.plan import Failure as Failure, Part as Part
from jaxz.batch.survey import made_with as made_with, run as run
from jaxz.batch.work import GROUP as GROUP, Job as Job, Method as Method
