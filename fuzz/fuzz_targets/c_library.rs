#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| streamcore_c::testing::c_library(data));
