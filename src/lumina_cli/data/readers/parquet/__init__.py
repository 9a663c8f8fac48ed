"""From parquet tables to rows."""
