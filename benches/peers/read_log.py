"""A Parquet log to a sparse matrix, as one would with pandas or polars: time and peak memory of one read.

  --tool pandas   read_parquet of the two columns, factorize, csr_matrix
  --tool polars   scan_parquet, categorical codes (integers: dense ranks), csr_matrix
  --tool prepare  writes LOG's ids as int64 columns to --out (not timed)

Both tools use all threads they want; scipy adds the entries of a pair up, so the result has a pair once.
"""
import argparse
import json
import resource
import time

import numpy as np
import scipy.sparse as sp


def with_pandas(log):
    import pandas as pd
    frame = pd.read_parquet(log, columns=["user_id", "item_id"])
    users, user_ids = pd.factorize(frame["user_id"])
    items, item_ids = pd.factorize(frame["item_id"])
    return users, items, len(user_ids), len(item_ids)


def with_polars(log):
    import polars as pl
    columns = pl.scan_parquet(log).select("user_id", "item_id")
    if columns.collect_schema()["user_id"] == pl.String:
        frame = columns.with_columns(pl.all().cast(pl.Categorical)).collect()
        codes = [frame[name].to_physical().to_numpy() for name in frame.columns]
    else:
        frame = columns.with_columns(pl.all().rank("dense") - 1).collect()
        codes = [frame[name].to_numpy() for name in frame.columns]
    return *codes, *(int(c.max()) + 1 for c in codes)


def prepare(log, out):
    import pyarrow as pa
    import pyarrow.parquet as pq
    table = pq.read_table(log, columns=["user_id", "item_id"])

    def numbered(column):
        codes = column.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
        return codes * 2_654_435_761 % (1 << 40)  # spread out, as real ids are; different for different codes

    pq.write_table(pa.table({name: numbered(table[name]) for name in table.column_names}), out, compression="zstd")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tool", choices=["pandas", "polars", "prepare"], required=True)
    options.add_argument("--log", required=True)
    options.add_argument("--out")
    options = options.parse_args()
    if options.tool == "prepare":
        prepare(options.log, options.out)
        print("{}")
        return
    read = {"pandas": with_pandas, "polars": with_polars}[options.tool]
    __import__(options.tool)  # importing is not reading
    start = time.perf_counter()
    users, items, user_count, item_count = read(options.log)
    matrix = sp.csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=(user_count, item_count))
    seconds = time.perf_counter() - start
    print(json.dumps({
        "seconds": seconds, "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, "rows": len(users),
        "users": user_count, "items": item_count, "interactions": int(matrix.nnz)}))


main()
