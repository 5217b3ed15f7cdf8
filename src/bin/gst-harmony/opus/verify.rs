//! `gst-harmony verify` of a store: everything in it, in one pass.

use std::path::Path;

use gstharmony::opus_store::check::{Finding, Hashes, LinkReport, Report, check};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::output;

/// Checks the store; `hashes`: decodes all packets, too.
pub fn run(store: &Path, hashes: bool, json: bool) -> Outcome {
    let mut progress = super::progress("checking");
    let report =
        check(store, hashes, &mut progress).map_err(|error| super::failure(store, &error))?;
    drop(progress);
    if json {
        output::print_json(&describe(store, &report))?;
    } else {
        output::print_text(&text(store, &report))?;
    }
    if report.is_good() {
        return Ok(());
    }
    let mut lines: Vec<String> = report
        .problems
        .kept()
        .iter()
        .map(|problem| format!("{}: {problem}", store.display()))
        .collect();
    let more = report.problems.count() - lines.len() as u64;
    if more > 0 {
        lines.push(format!("{}: {more} more", store.display()));
    }
    Err(Failure::Data(lines.join("\ngst-harmony: ")))
}

fn text(store: &Path, report: &Report) -> String {
    let store = store.display();
    let notes = report.notes.kept().iter();
    let mut text: String = notes
        .map(|note| format!("warning: {store}: {note}\n"))
        .collect();
    if report.is_good() {
        let sum = |of: fn(&LinkReport) -> u64| report.links.iter().map(of).sum::<u64>();
        let (packets, samples) = (sum(|link| link.packets), sum(|link| link.pcm_samples));
        let links = match report.links.len() {
            1 => String::new(),
            links => format!("{links} links, "),
        };
        let hashes = report.links.iter().map(|link| hash_words(link.hashes));
        let hashes = hashes.collect::<std::collections::BTreeSet<_>>();
        let hashes = hashes.into_iter().collect::<Vec<_>>().join(", ");
        text.push_str(&format!(
            "{store}: good: {links}{packets} packets, {samples} samples: index, packets and attributes hold; {hashes}\n"
        ));
    }
    text
}

const fn hash_words(hashes: Hashes) -> &'static str {
    match hashes {
        Hashes::None => "it has no hashes",
        Hashes::NotChecked => "hashes are not checked (--hashes)",
        Hashes::OtherDecoder => "hashes are not checked: they are of another decoder",
        Hashes::Checked(_) => "all hashes are those of a decode from the start",
    }
}

fn describe(store: &Path, report: &Report) -> Value {
    let links: Vec<Value> = report
        .links
        .iter()
        .map(|link| {
            let (hashes, checked) = match link.hashes {
                Hashes::None => ("none", 0),
                Hashes::NotChecked => ("not-checked", 0),
                Hashes::OtherDecoder => ("other-decoder", 0),
                Hashes::Checked(packets) => ("checked", packets),
            };
            json!({
                "link": link.link, "packets": link.packets, "read": link.read, "bytes": link.bytes,
                "samples": link.pcm_samples, "gaps": link.gaps, "complete": link.complete,
                "hashes": hashes, "hashes_checked": checked,
            })
        })
        .collect();
    let findings = |kept: &[Finding]| -> Vec<Value> {
        let value = |finding: &Finding| json!({"link": finding.link, "packet": finding.packet, "what": finding.what});
        kept.iter().map(value).collect()
    };
    json!({
        "store": store,
        "ok": report.is_good(),
        "complete": report.links.iter().all(|link| link.complete),
        "links": links,
        "problems": findings(report.problems.kept()),
        "problem_count": report.problems.count(),
        "warnings": findings(report.notes.kept()),
        "warning_count": report.notes.count(),
    })
}
