"""From JSON to rows: lines, arrays, envelopes, deep nesting."""
