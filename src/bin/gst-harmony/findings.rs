//! What `verify` finds.

use std::path::Path;

use gstharmony::h4mk::Error;
use serde_json::{Value, json};

/// Most findings of a sort that are kept; more are counted.
const MOST: usize = 100;

/// Things of one sort, each with the offset it is at.
#[derive(Debug, Default)]
struct List {
    kept: Vec<(u64, String)>,
    count: u64,
}

impl List {
    fn push(&mut self, offset: u64, what: String) {
        self.count += 1;
        if self.kept.len() < MOST {
            self.kept.push((offset, what));
        }
    }

    fn json(&self) -> Vec<Value> {
        self.kept
            .iter()
            .map(|(offset, what)| json!({"offset": offset, "what": what}))
            .collect()
    }

    fn lines(&self, file: &Path) -> Vec<String> {
        let line =
            |(offset, what): &(u64, String)| format!("{}: offset {offset}: {what}", file.display());
        let mut lines: Vec<String> = self.kept.iter().map(line).collect();
        let more = self.count - self.kept.len() as u64;
        if more > 0 {
            lines.push(format!("{}: {more} more", file.display()));
        }
        lines
    }
}

/// Problems, which make a file bad, and warnings, which do not.
#[derive(Debug, Default)]
pub struct Findings {
    problems: List,
    warnings: List,
}

impl Findings {
    /// Something that must not be.
    pub fn problem(&mut self, offset: u64, what: String) {
        self.problems.push(offset, what);
    }

    /// Something that a reader reports.
    pub fn problem_of(&mut self, error: &Error) {
        let text = error.to_string();
        let offset = error.offset();
        // The list says the offset itself.
        let what = text
            .strip_prefix(&format!("offset {offset}: "))
            .unwrap_or(&text);
        self.problem(offset, what.to_owned());
    }

    /// `found` and `expected` differ.
    pub fn differ<T: PartialEq + std::fmt::Display>(
        &mut self,
        offset: u64,
        what: &str,
        found: T,
        expected: T,
    ) {
        if found != expected {
            self.problem(
                offset,
                format!("{what}: found {found}, expected {expected}"),
            );
        }
    }

    /// Something that need not be wrong.
    pub fn warning(&mut self, offset: u64, what: String) {
        self.warnings.push(offset, what);
    }

    /// True without problems.
    pub fn is_good(&self) -> bool {
        self.problems.count == 0
    }

    /// How many problems there are.
    pub fn problem_count(&self) -> u64 {
        self.problems.count
    }

    /// How many warnings there are.
    pub fn warning_count(&self) -> u64 {
        self.warnings.count
    }

    /// The problems as JSON.
    pub fn problems(&self) -> Vec<Value> {
        self.problems.json()
    }

    /// The warnings as JSON.
    pub fn warnings(&self) -> Vec<Value> {
        self.warnings.json()
    }

    /// The problems for standard error.
    pub fn problem_lines(&self, file: &Path) -> Option<String> {
        (!self.is_good()).then(|| self.problems.lines(file).join("\ngst-harmony: "))
    }

    /// The warnings for people.
    pub fn warning_lines(&self, file: &Path) -> String {
        let lines = self.warnings.lines(file);
        lines
            .iter()
            .map(|line| format!("warning: {line}\n"))
            .collect()
    }
}
