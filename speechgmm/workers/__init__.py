"""Executors: apply a function to items in parallel. Results keep the order and do not depend on the executor.

- `local`: the protocol `Executor`; `LocalExecutor` uses processes and threads of this machine (`ordered_map`).
  `single_thread` limits the numeric libraries to one thread.
- `dask`: `DaskExecutor` uses the workers of a Dask cluster; `connected` checks the cluster and makes one.
"""
