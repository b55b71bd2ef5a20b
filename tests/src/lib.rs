//! Whole-suite flows, contract walks, fault drills and benchmarks. Everything is in `it/` (tests) and `bench/` (figures).
