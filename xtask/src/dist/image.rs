//! The container image: the program with the C library that it and a token's library need, a
//! shell for pipelines, and the certificates by which a Postgres server is verified. Nothing in it
//! runs as root.
//!
//! It is written without an engine, as an archive that has both the layout of OCI and what
//! `docker load` reads. So its digest depends on its files alone and is known before anything is
//! pushed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::archive::{pack, readable};
use super::build::{Program, Source};
use super::sha256;
use crate::process::{output, say};

/// The shell needs no library, so it starts whatever is wrong with those.
const SHELL: &str = "busybox-static";
const CERTIFICATES: &str = "ca-certificates";
/// The libraries that the program is linked with.
const LIBRARIES: [&str; 2] = ["libc6", "libgcc-s1"];
/// Where Debian's packages have them: with all of /lib in /usr/lib, and without.
const LIBRARY_PLACES: [&str; 2] = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"];
/// The program names it by this path.
const DYNAMIC_LINKER: &str = "lib64/ld-linux-x86-64.so.2";
/// What scripts of pipelines use. There is no `chown`, no package manager and no network client.
const COMMANDS: [&str; 26] = [
    "basename",
    "cat",
    "chmod",
    "cp",
    "cut",
    "date",
    "dirname",
    "echo",
    "env",
    "grep",
    "head",
    "id",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "printf",
    "pwd",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sort",
    "test",
    "wc",
];
/// Of nobody on any machine.
const USER: &str = "65532:65532";

/// Writes the image's archive, and returns its name and what is in it.
pub(super) fn write(
    source: &Source,
    program: &Program,
    work: &Path,
    to: &Path,
) -> Result<(String, Value)> {
    if work.exists() {
        fs::remove_dir_all(work)?;
    }
    let (root, packages) = (work.join("root"), work.join("packages"));
    fs::create_dir_all(&packages)?;
    let mut versions = Vec::new();
    let mut taken = |package: &str| -> Result<()> {
        versions.push(json!({"name": package, "version": unpack(package, &packages)?}));
        Ok(())
    };
    for package in [SHELL, CERTIFICATES].into_iter().chain(LIBRARIES) {
        taken(package)?;
        // The copyright of some is in another package, to which a link leads.
        if let Ok(link) = fs::read_link(packages.join("files/usr/share/doc").join(package)) {
            taken(&link.to_string_lossy())?;
        }
    }
    lay_out(&root, &packages.join("files"), program)?;
    let layer = work.join("layer.tar");
    pack(&root, ".", &source.epoch, &layer)?;
    let layout = work.join("layout");
    let created = output(Command::new("date").args([
        "-u",
        "-d",
        &format!("@{}", source.epoch),
        "+%Y-%m-%dT%H:%M:%SZ",
    ]))?;
    let digest = write_layout(source, &layer, created.trim(), &layout)?;
    readable(&layout)?;
    let name = format!("cloacina-{}-image.tar", source.version);
    pack(&layout, ".", &source.epoch, &to.join(&name))?;
    say(&format!("dist: the image's digest is sha256:{digest}"))?;
    Ok((name, json!({"digest": format!("sha256:{digest}"), "user": USER, "packages": versions})))
}

/// Downloads a package by apt, which verifies it, and returns its version.
fn unpack(package: &str, into: &Path) -> Result<String> {
    let mut download = Command::new("apt-get");
    download.current_dir(into).args(["-q", "-o", "APT::Sandbox::User=root", "download", package]);
    output(&mut download)?;
    let mut found = Vec::new();
    for entry in fs::read_dir(into)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(&format!("{package}_")) {
            found.push(path);
        }
    }
    ensure!(found.len() == 1, "apt-get downloaded {} files of {package}", found.len());
    let deb = &found[0];
    output(Command::new("dpkg-deb").arg("-x").arg(deb).arg(into.join("files")))?;
    let version = output(Command::new("dpkg-deb").arg("-f").arg(deb).arg("Version"))?;
    Ok(version.trim().to_owned())
}

fn lay_out(root: &Path, files: &Path, program: &Program) -> Result<()> {
    for directory in ["bin", "etc/ssl/certs", "usr/bin", "usr/share/doc", "tmp", "work"] {
        fs::create_dir_all(root.join(directory))?;
    }
    copy(&program.path, &root.join("usr/bin/cloacina"))?;
    copy(&files.join("bin/busybox"), &root.join("bin/busybox"))?;
    let applets = output(Command::new(root.join("bin/busybox")).arg("--list"))?;
    for command in COMMANDS {
        ensure!(applets.lines().any(|applet| applet == command), "busybox has no {command}");
        symlink("busybox", root.join("bin").join(command))?;
    }
    lay_out_libraries(root, files, program)?;
    for package in [SHELL].into_iter().chain(LIBRARIES) {
        let copyright = format!("usr/share/doc/{package}/copyright");
        fs::create_dir_all(root.join(&copyright).parent().context("no directory")?)?;
        copy(&files.join(&copyright), &root.join(&copyright))?;
    }
    fs::write(root.join("etc/ssl/certs/ca-certificates.crt"), certificates(files)?)?;
    let (user, group) = USER.split_once(':').context("no group")?;
    fs::write(
        root.join("etc/passwd"),
        format!("root:x:0:0:root:/:/bin/false\ncloacina:x:{user}:{group}::/tmp:/bin/sh\n"),
    )?;
    fs::write(root.join("etc/group"), format!("root:x:0:\ncloacina:x:{group}:\n"))?;
    readable(root)?;
    for directory in ["tmp", "work"] {
        fs::set_permissions(root.join(directory), fs::Permissions::from_mode(0o1777))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// Lays out all that the packages have, since the library of a token may need another part of the
/// C library than the program does.
fn lay_out_libraries(root: &Path, files: &Path, program: &Program) -> Result<()> {
    let to = root.join(LIBRARY_PLACES[0]);
    fs::create_dir_all(&to)?;
    fs::create_dir_all(root.join(DYNAMIC_LINKER).parent().context("no directory")?)?;
    for place in LIBRARY_PLACES.map(|place| files.join(place)).iter().filter(|it| it.is_dir()) {
        for entry in fs::read_dir(place)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
    }
    for library in program.needs()?.libraries {
        ensure!(to.join(&library).is_file(), "Debian's packages {LIBRARIES:?} have no {library}");
    }
    let linker = Path::new(DYNAMIC_LINKER).file_name().context("no name")?;
    symlink(Path::new("/").join(LIBRARY_PLACES[0]).join(linker), root.join(DYNAMIC_LINKER))?;
    fs::write(root.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
    Ok(())
}

/// The authorities that Debian ships, one after the other, as its own script would write them.
fn certificates(files: &Path) -> Result<String> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(files.join("usr/share/ca-certificates/mozilla"))? {
        paths.push(entry?.path());
    }
    paths.sort();
    let texts = paths.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    ensure!(!texts.is_empty(), "ca-certificates holds no certificate");
    Ok(texts.concat())
}

/// Writes the image's blobs and what leads to them, and returns the manifest's digest.
fn write_layout(source: &Source, layer: &Path, created: &str, to: &Path) -> Result<String> {
    let blobs = to.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let blob = |bytes: &[u8]| -> Result<Blob> {
        let path = to.join("blob");
        fs::write(&path, bytes)?;
        let digest = sha256(&path)?;
        fs::rename(path, blobs.join(&digest))?;
        Ok(Blob { digest, size: bytes.len() })
    };
    let layer = blob(&fs::read(layer)?)?;
    let config = blob(config(source, created, &layer.digest).to_string().as_bytes())?;
    let manifest = blob(manifest(&config, &layer).to_string().as_bytes())?;
    let tag = format!("cloacina:{}", source.version);
    fs::write(to.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string())?;
    fs::write(to.join("index.json"), index(&manifest, &source.version).to_string())?;
    let path = |blob: &Blob| format!("blobs/sha256/{}", blob.digest);
    let docker = json!([{"Config": path(&config), "RepoTags": [tag], "Layers": [path(&layer)]}]);
    fs::write(to.join("manifest.json"), docker.to_string())?;
    Ok(manifest.digest)
}

struct Blob {
    digest: String,
    size: usize,
}

impl Blob {
    fn descriptor(&self, kind: &str) -> Value {
        let digest = format!("sha256:{}", self.digest);
        json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": self.size})
    }
}

fn config(source: &Source, created: &str, layer: &str) -> Value {
    json!({
        "created": created,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": USER,
            "Env": ["PATH=/usr/bin:/bin", "HOME=/tmp"],
            "Entrypoint": ["cloacina"],
            "WorkingDir": "/work",
            "Labels": {
                "org.opencontainers.image.title": "cloacina",
                "org.opencontainers.image.version": source.version,
                "org.opencontainers.image.revision": source.commit,
                "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer}")]},
        "history": [{"created": created, "created_by": "cargo xtask dist"}],
    })
}

fn manifest(config: &Blob, layer: &Blob) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config.descriptor("config.v1+json"),
        "layers": [layer.descriptor("layer.v1.tar")],
    })
}

fn index(manifest: &Blob, version: &str) -> Value {
    let mut descriptor = manifest.descriptor("manifest.v1+json");
    descriptor["platform"] = json!({"architecture": "amd64", "os": "linux"});
    descriptor["annotations"] = json!({
        "io.containerd.image.name": format!("docker.io/library/cloacina:{version}"),
        "org.opencontainers.image.ref.name": version,
    });
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [descriptor],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        let text = |text: &str| text.to_owned();
        Source {
            directory: "/s".into(),
            commit: text("c0ffee"),
            version: text("1.2.3"),
            epoch: text("1700000000"),
        }
    }

    #[test]
    fn an_image_is_not_of_root_and_names_its_commit() {
        let config = config(&source(), "2023-11-14T22:13:20Z", "ab");
        assert_eq!(config["config"]["User"], USER);
        assert!(!USER.split(':').any(|id| id == "0" || id == "root"));
        let labels = &config["config"]["Labels"];
        assert_eq!(labels["org.opencontainers.image.revision"], "c0ffee");
        assert_eq!(config["rootfs"]["diff_ids"], json!(["sha256:ab"]));
    }

    #[test]
    fn every_blob_is_found_by_its_digest_and_twice_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let scratch = directory.path();
        let layer = scratch.join("layer.tar");
        fs::write(&layer, "layer").unwrap();
        let write = |name: &str, created: &str| {
            write_layout(&source(), &layer, created, &scratch.join(name)).unwrap()
        };
        let digest = write("a", "2023-11-14T22:13:20Z");
        assert_eq!(write("b", "2023-11-14T22:13:20Z"), digest);
        assert_ne!(write("c", "2024-11-14T22:13:20Z"), digest);
        let read = |name: &str| -> Value {
            serde_json::from_slice(&fs::read(scratch.join("a").join(name)).unwrap()).unwrap()
        };
        assert_eq!(read("index.json")["manifests"][0]["digest"], format!("sha256:{digest}"));
        let manifest = read(&format!("blobs/sha256/{digest}"));
        for blob in [&manifest["config"], &manifest["layers"][0]] {
            let digest = blob["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
            let path = scratch.join("a/blobs/sha256").join(digest);
            assert_eq!(sha256(&path).unwrap(), digest);
            assert_eq!(fs::metadata(&path).unwrap().len(), blob["size"].as_u64().unwrap());
        }
    }
}
