//! `segment-uri`.

use crate::isobmff::playlist::{Error, Uri};

/// A name with a number in it, as `multifilesink` writes them: `%d`, or `%05d` for five digits at least.
#[derive(Debug)]
pub(super) struct Pattern {
    before: String,
    after: String,
    width: usize,
    zeros: bool,
}

impl Pattern {
    /// Checks the pattern.
    pub fn new(text: &str) -> Result<Self, String> {
        let wrong = || format!("found {text:?}, expected one %d, such as in part-%05d.m4s");
        let mut number = None;
        let (mut before, mut literal) = (String::new(), String::new());
        let mut rest = text;
        while let Some((plain, conversion)) = rest.split_once('%') {
            literal.push_str(plain);
            if let Some(after) = conversion.strip_prefix('%') {
                literal.push('%');
                rest = after;
                continue;
            }
            let digits = conversion.len()
                - conversion
                    .trim_start_matches(|c: char| c.is_ascii_digit())
                    .len();
            let (width, after) = conversion.split_at(digits);
            let after = after.strip_prefix(['d', 'i', 'u']).ok_or_else(wrong)?;
            let columns = if width.is_empty() {
                0
            } else {
                width.parse::<u8>().map_err(|_| wrong())?
            };
            if number
                .replace((usize::from(columns), width.starts_with('0')))
                .is_some()
            {
                return Err(wrong());
            }
            before = std::mem::take(&mut literal);
            rest = after;
        }
        let (width, zeros) = number.ok_or_else(wrong)?;
        Ok(Self {
            before,
            after: literal + rest,
            width,
            zeros,
        })
    }

    /// The name with this number.
    pub fn uri(&self, number: u64) -> Result<Uri, Error> {
        let Self {
            before,
            after,
            width,
            zeros,
        } = self;
        Uri::new(&match zeros {
            true => format!("{before}{number:0width$}{after}"),
            false => format!("{before}{number:width$}{after}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_where_the_pattern_says() {
        let told = |pattern: &str, number| {
            Pattern::new(pattern)
                .unwrap()
                .uri(number)
                .unwrap()
                .to_string()
        };
        assert_eq!(told("a%d.m4s", 7), "a7.m4s");
        assert_eq!(told("%%%03i%%-x", 7), "%007%-x");
        assert_eq!(told("a%02u", 1234), "a1234");
        assert_eq!(told("a%2d", 7), "a%207");
    }
}
