//! The plugin as a shared object, for other processes.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with nothing but the plugin in it, and a registry of its own.
pub struct PluginFolder(tempfile::TempDir);

impl PluginFolder {
    /// Copies the shared object that was built together with this test.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let test = std::env::current_exe().expect("the test has a path");
        let built = test
            .parent()
            .expect("the test lies in deps")
            .join("libgstharmony.so");
        std::fs::copy(&built, folder.path().join("libgstharmony.so"))
            .unwrap_or_else(|e| panic!("{}: {e}", built.display()));
        Self(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command that finds the plugin.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("GST_PLUGIN_PATH", self.path())
            .env("GST_REGISTRY", self.file("registry.bin"))
            .env("G_DEBUG", "fatal-criticals");
        command
    }
}

impl Default for PluginFolder {
    fn default() -> Self {
        Self::new()
    }
}
