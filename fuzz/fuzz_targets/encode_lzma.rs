#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| par7z_fuzz_targets::encode_lzma(data));
