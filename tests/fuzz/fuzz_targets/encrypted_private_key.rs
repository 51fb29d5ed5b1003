#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    (oracles::oracle("encrypted_private_key").check)(input);
});
