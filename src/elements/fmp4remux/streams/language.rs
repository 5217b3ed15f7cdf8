//! Languages, from GStreamer's tags to BCP 47.

/// The language of a stream as BCP 47 has it: the shortest ISO 639 code. Empty where no tag says it, or it says
/// what is no code.
pub fn language(tags: &gst::TagListRef) -> String {
    let Some(code) = tags.get::<gst::tags::LanguageCode>() else {
        return String::new();
    };
    bcp47(code.get())
}

/// `eng` and `en` are `en`, `deu` and `ger` are `de`; subtags after a hyphen stay.
pub fn bcp47(code: &str) -> String {
    let code = code.replace('_', "-");
    let (primary, rest) = match code.split_once('-') {
        Some((primary, rest)) => (primary, Some(rest)),
        None => (code.as_str(), None),
    };
    let letters =
        matches!(primary.len(), 2..=8) && primary.bytes().all(|b| b.is_ascii_alphabetic());
    let subtags = |rest: &str| rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !letters || primary.eq_ignore_ascii_case("und") || !rest.is_none_or(subtags) {
        return String::new();
    }
    let primary = primary.to_ascii_lowercase();
    let primary = match gst_tag::language_codes::language_code_iso_639_1(&primary) {
        Some(short) => short.to_string(),
        None => primary,
    };
    match rest {
        Some(rest) => format!("{primary}-{rest}"),
        None => primary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_shortest_that_iso_639_has() {
        gst::init().unwrap();
        for (code, tag) in [
            ("eng", "en"),
            ("en", "en"),
            ("deu", "de"),
            ("ger", "de"),
            ("fre", "fr"),
            ("haw", "haw"),
            ("pt-BR", "pt-BR"),
            ("por_BR", "pt-BR"),
            ("und", ""),
            ("", ""),
            ("English (US)", ""),
        ] {
            assert_eq!(bcp47(code), tag, "{code}");
        }
    }
}
