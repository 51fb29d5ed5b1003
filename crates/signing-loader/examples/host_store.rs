//! The same host, with plugins verified by what an organization trusts now.

#![expect(clippy::print_stdout, reason = "this is what a program does")]
#![expect(unsafe_code, reason = "a plugin's entry point is C")]

use std::env;
use std::error::Error;

use signing_loader::{LoadedPackage, StoreReader, Verifier};

/// What every plugin of this host exports.
type WorkflowRun = unsafe extern "C" fn(*const u8, usize, *mut u8, *mut usize) -> i32;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("give a plugin")?;
    let store = StoreReader::open(&env::var("CLOACINA_DATABASE_URL")?.parse()?).await?;
    let verifier = Verifier::organization(store, "acme".parse()?).await?;
    let plugin = verifier.verify(&*path).await?.load().await?;
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
