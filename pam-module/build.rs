//! Takes the unwinder into the module. Loading another library for it takes longer than loading the module, and each
//! login and each sudo of the host loads it anew.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CC");
    // Where there is none, the module needs libgcc_s as any other library does.
    if let (Some(out), Some(unwinder)) = (env::var_os("OUT_DIR"), unwinder()) {
        let out = PathBuf::from(out);
        // What the linker is told to take for libgcc_s.
        let script = format!("INPUT({})\n", unwinder.display());
        match fs::write(out.join("libgcc_s.so"), script) {
            Ok(()) => println!("cargo:rustc-link-search=native={}", out.display()),
            Err(error) => println!("cargo:warning=the unwinder stays outside: {error}"),
        }
    }
}

/// GCC's unwinder as an archive; its path is the compiler's to know.
fn unwinder() -> Option<PathBuf> {
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let asked = Command::new(compiler)
        .arg("-print-file-name=libgcc_eh.a")
        .output()
        .ok()?;
    let path = String::from_utf8(asked.stdout).ok()?;
    let path = Path::new(path.trim());
    // A compiler that has none prints the name alone.
    (path.is_absolute() && path.is_file()).then(|| path.to_owned())
}
