//! A host that runs WASM modules, verified by a key that it has, from memory.

#![expect(clippy::print_stdout, reason = "this is what a program does")]

use std::error::Error;
use std::{env, fs};

use signing_loader::{Verifier, VerifyingKey};
use wasmi::{Engine, Linker, Module, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [key, path] = &arguments[..] else { return Err("give a public key and a module".into()) };
    let key = VerifyingKey::from_pem(&fs::read(key)?)?;
    let package = Verifier::pinned(key).verify(&**path)?;
    let engine = Engine::default();
    let module = Module::new(&engine, package.as_bytes()?)?;
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
    let answer = instance.get_typed_func::<(), i32>(&store, "answer")?;
    println!("{}", answer.call(&mut store, ())?);
    Ok(())
}
