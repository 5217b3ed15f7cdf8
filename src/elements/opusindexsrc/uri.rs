//! `opusindex:///path#samples=a-b&link=n`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::ranges::{Wanted, list_text, parse_list};
use crate::isobmff::playlist::encoded;

/// The scheme.
pub(super) const PROTOCOL: &str = "opusindex";

/// Signs of a path that stand for themselves (RFC 3986, 3.3: `pchar` and the slash).
const PATH_SIGNS: &[u8] = b"-._~/:@!$&'()*+,;=";

/// What a URI says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The folder of the store.
    pub path: PathBuf,
    /// What to play; empty: all.
    pub samples: Vec<Wanted>,
    /// The link of a chained stream.
    pub link: u64,
}

impl Place {
    /// Reads a URI.
    ///
    /// # Errors
    /// Where a part is not as it has to be.
    pub fn parse(uri: &str) -> Result<Self, String> {
        let (scheme, rest) = uri.split_once(':').ok_or("no scheme")?;
        if !scheme.eq_ignore_ascii_case(PROTOCOL) {
            return Err(format!("scheme: found {scheme:?}, expected {PROTOCOL:?}"));
        }
        let (path, fragment) = match rest.split_once('#') {
            Some((path, fragment)) => (path, Some(fragment)),
            None => (rest, None),
        };
        let mut place = Self {
            path: parse_path(path)?,
            samples: Vec::new(),
            link: 0,
        };
        for part in fragment.into_iter().flat_map(|f| f.split('&')) {
            place.set(part)?;
        }
        Ok(place)
    }

    /// Takes a part of the fragment.
    fn set(&mut self, part: &str) -> Result<(), String> {
        match part.split_once('=') {
            Some(("samples", value)) => {
                self.samples = parse_list(value).map_err(|why| format!("samples: {why}"))?;
            }
            Some(("link", value)) => {
                self.link = value
                    .parse()
                    .map_err(|_| format!("link: found {value:?}, expected a number"))?;
            }
            _ => {
                return Err(format!(
                    "fragment: found {part:?}, expected samples=a-b or link=n"
                ));
            }
        }
        Ok(())
    }

    /// The URI.
    pub fn uri(&self) -> String {
        let kept = |byte: u8| byte.is_ascii_alphanumeric() || PATH_SIGNS.contains(&byte);
        let path = encoded(self.path.as_os_str().as_bytes(), kept);
        // An absolute path begins with the slash that ends the empty host.
        let mut uri = format!("{PROTOCOL}://{path}");
        let mut separator = '#';
        if !self.samples.is_empty() {
            uri.push_str(&format!("#samples={}", list_text(&self.samples)));
            separator = '&';
        }
        if self.link != 0 {
            uri.push_str(&format!("{separator}link={}", self.link));
        }
        uri
    }
}

/// The path of `//host/path` or `/path`.
fn parse_path(text: &str) -> Result<PathBuf, String> {
    let path = match text.strip_prefix("//") {
        Some(rest) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if !matches!(host, "" | "localhost") {
                return Err(format!(
                    "host: found {host:?}, expected none: {PROTOCOL}:///path"
                ));
            }
            path
        }
        None => text,
    };
    if !path.starts_with('/') {
        return Err(format!("path: found {path:?}, expected an absolute one"));
    }
    decoded(path)
        .map(|bytes| OsString::from_vec(bytes).into())
        .ok_or_else(|| format!("path: found {path:?}, expected %01 to %FF for what is escaped"))
}

/// The bytes of a percent-encoded text (RFC 3986, 2.1), none of them zero.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_digits)?);
        bytes.extend(rest.as_bytes());
    }
    (!bytes.contains(&0)).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Vec<Wanted> {
        parse_list(text).unwrap()
    }

    #[test]
    fn uris_are_read_and_written() {
        for (uri, path, samples, link) in [
            ("opusindex:///a/b.zarr", "/a/b.zarr", vec![], 0),
            ("opusindex:///a%20b", "/a b", vec![], 0),
            (
                "opusindex:///a%23b%25#samples=1-2",
                "/a#b%",
                wanted("1-2"),
                0,
            ),
            ("opusindex:///%C3%A4#link=3", "/ä", vec![], 3),
            (
                "opusindex:///a#samples=1-2,5-&link=1",
                "/a",
                wanted("1-2,5-"),
                1,
            ),
        ] {
            let place = Place {
                path: path.into(),
                samples,
                link,
            };
            assert_eq!(Place::parse(uri), Ok(place.clone()));
            assert_eq!(place.uri(), uri);
        }
    }

    #[test]
    fn other_spellings_are_read() {
        let a = Place::parse("opusindex:///a").unwrap();
        for uri in ["opusindex:/a", "OPUSINDEX:///a", "opusindex://localhost/a"] {
            assert_eq!(Place::parse(uri).as_ref(), Ok(&a));
        }
    }

    #[test]
    fn names_outside_utf_8_come_back() {
        let path = PathBuf::from(OsString::from_vec(b"/\xff\x01".to_vec()));
        let place = Place {
            path,
            samples: vec![],
            link: 0,
        };
        assert_eq!(place.uri(), "opusindex:///%FF%01");
        assert_eq!(Place::parse(&place.uri()), Ok(place));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (uri, part) in [
            ("a", "scheme"),
            ("file:///a", "scheme"),
            ("opusindex://host/a", "host"),
            ("opusindex:a", "path"),
            ("opusindex://", "path"),
            ("opusindex:///a%zz", "path"),
            ("opusindex:///a%+1", "path"),
            ("opusindex:///a%1", "path"),
            ("opusindex:///a%00", "path"),
            ("opusindex:///a#t=1", "fragment"),
            ("opusindex:///a#", "fragment"),
            ("opusindex:///a#samples=2-1", "samples"),
            ("opusindex:///a#samples=1", "samples"),
            ("opusindex:///a#link=-1", "link"),
        ] {
            let error = Place::parse(uri).unwrap_err();
            assert!(error.contains(part), "{uri}: {error}");
        }
    }
}
