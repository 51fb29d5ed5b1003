//! The same host, with plugins verified by a key that it has before they are loaded.

#![expect(clippy::print_stdout, reason = "this is what a program does")]
#![expect(unsafe_code, reason = "a plugin's entry point is C")]

use std::error::Error;
use std::{env, fs};

use signing_loader::{LoadedPackage, Verifier, VerifyingKey};

/// What every plugin of this host exports.
type WorkflowRun = unsafe extern "C" fn(*const u8, usize, *mut u8, *mut usize) -> i32;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [key, path] = &arguments[..] else { return Err("give a public key and a plugin".into()) };
    let key = VerifyingKey::from_pem(&fs::read(key)?)?;
    let plugin = Verifier::pinned(key).verify(&**path)?.load()?;
    println!("{}", call(entry_point(&plugin)?, "hello, world")?);
    Ok(())
}

fn entry_point(plugin: &LoadedPackage) -> Result<WorkflowRun, Box<dyn Error>> {
    // SAFETY: every plugin of this host exports `workflow_run` with this type.
    Ok(unsafe { plugin.symbol(c"workflow_run") }?)
}

fn call(plugin: WorkflowRun, input: &str) -> Result<String, Box<dyn Error>> {
    let mut output = vec![0; 1024];
    let mut length = output.len();
    // SAFETY: each buffer is passed with its own length.
    let status = unsafe { plugin(input.as_ptr(), input.len(), output.as_mut_ptr(), &mut length) };
    if status != 0 {
        return Err(format!("the plugin returned {status}").into());
    }
    output.truncate(length);
    Ok(String::from_utf8(output)?)
}
