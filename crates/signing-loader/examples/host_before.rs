//! A plugin host as many are: it loads what is at the path and does not ask who put it there.

#![expect(clippy::print_stdout, reason = "this is what a program does")]
#![expect(unsafe_code, reason = "the dynamic linker's interface is C")]

use std::error::Error;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::{env, mem};

/// What every plugin of this host exports.
type WorkflowRun = unsafe extern "C" fn(*const u8, usize, *mut u8, *mut usize) -> i32;

const RTLD_NOW: c_int = 2;

// SAFETY: these are the declarations of POSIX.
unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("give a plugin")?;
    let plugin = load(&path)?;
    println!("{}", call(plugin, "hello, world")?);
    Ok(())
}

/// Runs the plugin's constructors already, before anything is called.
fn load(path: &str) -> Result<WorkflowRun, Box<dyn Error>> {
    let path = CString::new(path)?;
    let name: &CStr = c"workflow_run";
    // SAFETY: the path ends in a zero byte. What the plugin does is its own affair.
    let library = unsafe { dlopen(path.as_ptr(), RTLD_NOW) };
    if library.is_null() {
        return Err("the plugin cannot be loaded".into());
    }
    // SAFETY: the library was opened, and the name ends in a zero byte.
    let symbol = unsafe { dlsym(library, name.as_ptr()) };
    if symbol.is_null() {
        return Err("the plugin has no entry point".into());
    }
    // SAFETY: every plugin of this host exports `workflow_run` with this type.
    Ok(unsafe { mem::transmute::<*mut c_void, WorkflowRun>(symbol) })
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
