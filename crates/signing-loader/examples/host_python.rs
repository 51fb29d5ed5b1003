//! A host that imports Python modules from zip archives, verified by a key that it has. The
//! interpreter gets the verified bytes and no path.

use std::error::Error;
use std::process::{Command, Stdio};
use std::{env, fs, io};

use signing_loader::{Verifier, VerifyingKey};

const IMPORT: &str = r#"
import importlib.util, io, sys, zipfile
archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
plugin = importlib.util.module_from_spec(importlib.util.spec_from_loader("plugin", None))
exec(compile(archive.read("plugin.py"), "plugin.py", "exec"), plugin.__dict__)
print(plugin.answer())
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [key, path] = &arguments[..] else { return Err("give a public key and an archive".into()) };
    let key = VerifyingKey::from_pem(&fs::read(key)?)?;
    let package = Verifier::pinned(key).verify(&**path)?;
    let mut python = Command::new("python3");
    let mut child = python.args(["-I", "-c", IMPORT]).stdin(Stdio::piped()).spawn()?;
    io::copy(&mut package.reader()?, &mut child.stdin.take().ok_or("no input")?)?;
    match child.wait()?.success() {
        true => Ok(()),
        false => Err("the interpreter failed".into()),
    }
}
