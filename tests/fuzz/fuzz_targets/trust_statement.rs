#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    (oracles::oracle("trust_statement").check)(input);
});
