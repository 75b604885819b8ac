//! Gives the shared library its name for the dynamic linker, and keeps what crates below would export out of its symbols.
//!
//! `cargo build` names it `libpar7z.so`, so that a program linked against the build folder runs from there. An installation
//! sets PAR7Z_SONAME (`libpar7z.so.0`), so that versions with different binary interfaces can stand side by side.

fn main() {
    println!("cargo:rerun-if-env-changed=PAR7Z_SONAME");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match (std::env::var("PAR7Z_SONAME"), system.as_str()) {
        (Ok(name), "macos") => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/{name}"),
        (Err(_), "macos") => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libpar7z.dylib"),
        (_, "windows") => {}
        (name, _) => {
            let name = name.unwrap_or_else(|_| "libpar7z.so".to_owned());
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{name}");
            if std::env::var_os("CARGO_FEATURE_CLOUD").is_some() {
                // crc-fast, which object_store uses, has C functions of its own and no way to do without.
                println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
            }
        }
    }
}
