//! Languages of `mdhd`: three letters of ISO 639-2/T in 15 bits (ISO/IEC 14496-12, 8.4.2.3).

/// ISO 639-1 codes, two letters, each followed by its ISO 639-2/T code, three letters.
const CODES: &str = "\
    aaaar ababk aeave afafr akaka amamh anarg arara asasm avava ayaym azaze babak bebel bgbul bhbih bibis bmbam bnben \
    bobod brbre bsbos cacat ceche chcha cocos crcre csces cuchu cvchv cycym dadan dedeu dvdiv dzdzo eeewe elell eneng \
    eoepo esspa etest eueus fafas ffful fifin fjfij fofao frfra fyfry gagle gdgla glglg gngrn guguj gvglv hahau heheb \
    hihin hohmo hrhrv hthat huhun hyhye hzher iaina idind ieile igibo iiiii ikipk ioido isisl itita iuiku jajpn jvjav \
    kakat kgkon kikik kjkua kkkaz klkal kmkhm knkan kokor krkau kskas kukur kvkom kwcor kykir lalat lbltz lglug lilim \
    lnlin lolao ltlit lulub lvlav mgmlg mhmah mimri mkmkd mlmal mnmon mrmar msmsa mtmlt mymya nanau nbnob ndnde nenep \
    ngndo nlnld nnnno nonor nrnbl nvnav nynya ococi ojoji omorm orori ososs papan pipli plpol pspus ptpor quque rmroh \
    rnrun roron rurus rwkin sasan scsrd sdsnd sesme sgsag sisin skslk slslv smsmo snsna sosom sqsqi srsrp ssssw stsot \
    susun svswe swswa tatam tetel tgtgk ththa titir tktuk tltgl tntsn toton trtur tstso tttat twtwi tytah uguig ukukr \
    ururd uzuzb veven vivie vovol wawln wowol xhxho yiyid yoyor zazha zhzho zuzul";

/// Whether `tag` is three small letters: `mdhd` says all of it.
pub(super) fn is_code(tag: &str) -> bool {
    tag.len() == 3 && tag.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The code of a BCP 47 tag's language, `und` where it has none of three letters.
fn code(tag: &str) -> String {
    let language = tag.split(['-', '_']).next().unwrap_or_default();
    let language = language.to_ascii_lowercase();
    if is_code(&language) {
        return language;
    }
    let mut codes = CODES.split_whitespace();
    let known = codes.find_map(|pair| pair.strip_prefix(language.as_str()));
    match known {
        Some(code) if is_code(code) => code.to_owned(),
        _ => "und".to_owned(),
    }
}

/// The `language` field of `mdhd` for a BCP 47 tag.
pub(super) fn packed(tag: &str) -> u16 {
    let letters = code(tag);
    letters.bytes().fold(0, |bits, letter| {
        bits << 5 | u16::from(letter.wrapping_sub(0x60) & 0x1f)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_become_three() {
        for (tag, expected) in [
            ("de", "deu"),
            ("en-GB", "eng"),
            ("zh-Hant-TW", "zho"),
            ("FR", "fra"),
            ("gsw", "gsw"),
            ("", "und"),
            ("x-private", "und"),
            ("e", "und"),
            ("qq", "und"),
            ("english", "und"),
        ] {
            assert_eq!(code(tag), expected, "{tag}");
        }
    }

    #[test]
    fn letters_are_packed_in_fives() {
        // u n d: 21, 14, 4.
        assert_eq!(packed(""), 0b0_10101_01110_00100);
        assert_eq!(packed("en"), 0x15c7);
    }
}
