//! Frames in the order in which they are shown: the tokens, and the seek table over them.

use super::rate::{self, Fraction, Hints};

/// Whether a frame is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Shown,
    /// It lies before the playback's start or behind its end: an edit list leaves it out, say.
    Outside,
    /// Others refer to it, and it is not shown itself.
    Hidden,
    /// It has neither PTS nor DTS.
    Untimed,
}

/// A frame, or a packet of sound.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When it begins to be shown, in nanoseconds from the start of the playback.
    pub begin: u64,
    /// The same, where nothing is cut off at the start of the playback or of a part of it.
    pub nominal: i64,
    /// Nanoseconds from `begin` on, where the container tells.
    pub duration: Option<u64>,
    /// Decoding can begin with it.
    pub key: bool,
    pub fate: Fate,
}

/// What one frame is to a model: when it is shown, its number in that order, and whether decoding can begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub pts_us: u64,
    pub index: u32,
    pub key: bool,
}

impl Token {
    /// `pts_us`, `index` and `key`, little-endian, nothing between them.
    pub fn to_bytes(self) -> [u8; 13] {
        let mut bytes = [0; 13];
        let fields = (self.pts_us.to_le_bytes().into_iter())
            .chain(self.index.to_le_bytes())
            .chain([u8::from(self.key)]);
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
        bytes
    }
}

/// Where the end of the last frame comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LastEnd {
    /// The container or the codec tells its duration.
    Told,
    /// It is as long as the rate or the frame before it says.
    Estimated,
    /// Nothing tells: it ends where it begins.
    #[default]
    Unknown,
}

impl LastEnd {
    /// Its name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Estimated => "estimated",
            Self::Unknown => "unknown",
        }
    }
}

/// What has to be decoded to show a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decode {
    /// The key frame to begin with; `None`: it is decoded and not shown.
    pub key: Option<Token>,
    /// Frames to decode, the key frame and the shown one included.
    pub frames: u32,
}

/// The frame on the screen at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnScreen {
    pub token: Token,
    /// When the next one takes its place.
    pub end_us: u64,
    /// `None`: no key frame comes before it.
    pub decode: Option<Decode>,
}

/// All frames of a stream.
#[derive(Debug, Default)]
pub struct Timeline {
    /// In decoding order.
    frames: Vec<Frame>,
    /// Places in `frames` of those that are shown, in the order in which they are.
    order: Vec<u32>,
    /// The rate, where it is constant.
    pub rate: Option<Fraction>,
    /// End of the last frame.
    pub end_us: u64,
    pub last_end: LastEnd,
}

/// Nanoseconds as the nearest microseconds.
pub fn us(ns: u64) -> u64 {
    ns / 1000 + u64::from(ns % 1000 >= 500)
}

impl Timeline {
    /// `frames` are in decoding order. An error says what is too much.
    pub fn new(frames: Vec<Frame>, hints: Hints) -> Result<Self, String> {
        let count = frames.len();
        let count = u32::try_from(count)
            .map_err(|_| format!("found {count} frames, expected at most {}", u32::MAX))?;
        let mut timeline = Self {
            frames,
            ..Self::default()
        };
        let at = |place: u32| &timeline.frames[place as usize];
        let mut order: Vec<u32> = (0..count)
            .filter(|place| at(*place).fate == Fate::Shown)
            .collect();
        order.sort_by_key(|place| (at(*place).begin, at(*place).nominal));
        // The first packet of sound may be cut.
        let skipped = usize::from(hints.sample_rate.is_some() && order.len() > 2);
        let times: Vec<i64> = order[skipped..]
            .iter()
            .map(|place| at(*place).nominal)
            .collect();
        timeline.rate = rate::constant(&times, hints);
        timeline.order = order;
        timeline.finish();
        Ok(timeline)
    }

    /// Finds the end of the last frame.
    fn finish(&mut self) {
        let Some(last) = self.order.last().map(|place| &self.frames[*place as usize]) else {
            return;
        };
        let before = self.order.len().checked_sub(2);
        let before = before.map(|number| self.frame(number).begin);
        let period = self.rate.map(|(n, d)| {
            let period = (u128::from(d) * 1_000_000_000 + u128::from(n / 2)) / u128::from(n);
            u64::try_from(period).unwrap_or(u64::MAX)
        });
        let told = last.duration.filter(|duration| *duration > 0);
        let estimated = period.or(before.map(|before| last.begin.saturating_sub(before)));
        let (duration, from) = match (told, estimated) {
            (Some(told), _) => (told, LastEnd::Told),
            (None, Some(estimated)) => (estimated, LastEnd::Estimated),
            (None, None) => (0, LastEnd::Unknown),
        };
        self.end_us = us(last.begin.saturating_add(duration));
        self.last_end = from;
    }

    /// How many frames are shown.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// How many frames have that fate.
    pub fn count(&self, fate: Fate) -> usize {
        self.frames
            .iter()
            .filter(|frame| frame.fate == fate)
            .count()
    }

    fn frame(&self, number: usize) -> &Frame {
        &self.frames[self.order[number] as usize]
    }

    fn token(&self, number: usize) -> Token {
        let frame = self.frame(number);
        Token {
            pts_us: us(frame.begin),
            index: u32::try_from(number).unwrap_or(u32::MAX),
            key: frame.key,
        }
    }

    /// The tokens in the order in which their frames are shown.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = Token> + '_ {
        (0..self.len()).map(|number| self.token(number))
    }

    /// When the first frame begins.
    pub fn start_us(&self) -> u64 {
        self.order.first().map_or(0, |_| self.token(0).pts_us)
    }

    /// From the begin of the first frame to the end of the last.
    pub fn duration_us(&self) -> u64 {
        self.end_us.saturating_sub(self.start_us())
    }

    /// Frames a second: the constant rate, or the average.
    pub fn frames_per_second(&self) -> Option<f64> {
        let duration = self.duration_us();
        match self.rate {
            Some((n, d)) => Some(n as f64 / d as f64),
            None if duration == 0 => None,
            None => Some(self.len() as f64 * 1e6 / duration as f64),
        }
    }

    /// The frame on the screen at a time. `None`: before the first or behind the last.
    pub fn seek(&self, at_us: u64) -> Option<OnScreen> {
        let behind = self.order.partition_point(|place| {
            let frame = &self.frames[*place as usize];
            us(frame.begin) <= at_us
        });
        let number = behind.checked_sub(1).filter(|_| at_us < self.end_us)?;
        let end_us = match behind < self.len() {
            true => self.token(behind).pts_us,
            false => self.end_us,
        };
        Some(OnScreen {
            token: self.token(number),
            end_us,
            decode: self.decode(self.order[number]),
        })
    }

    /// What has to be decoded to show the frame at this place of the decoding order.
    fn decode(&self, place: u32) -> Option<Decode> {
        let wanted = &self.frames[place as usize];
        // A frame that is decoded after a key frame and shown before it refers to what lies before that.
        let begins = |frame: &Frame| {
            frame.key && frame.fate != Fate::Untimed && frame.nominal <= wanted.nominal
        };
        let until = &self.frames[..=place as usize];
        let key = u32::try_from(until.iter().rposition(begins)?).ok()?;
        let shown = self.order.iter().position(|place| *place == key);
        Some(Decode {
            key: shown.map(|number| self.token(number)),
            frames: place - key + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn frame(ms: i64, key: bool) -> Frame {
        Frame {
            begin: u64::try_from(ms).unwrap_or(0) * MS,
            nominal: ms * MS as i64,
            duration: None,
            key,
            fate: if ms < 0 { Fate::Outside } else { Fate::Shown },
        }
    }

    fn timeline(frames: Vec<Frame>) -> Timeline {
        Timeline::new(frames, Hints::default()).unwrap()
    }

    /// I0 P3 B1 B2, then an open group: I6 B4 B5, P9 B7 B8.
    fn open_group() -> Timeline {
        let order = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8];
        let frames = order.map(|n| frame(40 * n, n % 6 == 0));
        timeline(frames.to_vec())
    }

    #[test]
    fn tokens_are_in_the_order_of_presentation() {
        let timeline = open_group();
        let tokens: Vec<Token> = timeline.tokens().collect();
        let times: Vec<u64> = tokens.iter().map(|token| token.pts_us).collect();
        assert_eq!(times, (0..10).map(|n| n * 40_000).collect::<Vec<_>>());
        assert!(tokens.iter().zip(0..).all(|(token, n)| token.index == n));
        let keys: Vec<u32> = tokens.iter().filter(|t| t.key).map(|t| t.index).collect();
        assert_eq!(keys, [0, 6]);
        assert_eq!(timeline.rate, Some((25, 1)));
        let last = (timeline.end_us, timeline.last_end);
        assert_eq!(last, (400_000, LastEnd::Estimated));
    }

    #[test]
    fn a_token_has_thirteen_bytes() {
        let token = Token {
            pts_us: 0x0102_0304_0506_0708,
            index: 0x1112_1314,
            key: true,
        };
        let bytes = [8, 7, 6, 5, 4, 3, 2, 1, 0x14, 0x13, 0x12, 0x11, 1];
        assert_eq!(token.to_bytes(), bytes);
    }

    #[test]
    fn a_seek_begins_where_decoding_can() {
        let timeline = open_group();
        let at = |ms: u64| {
            let on = timeline.seek(ms * 1000).unwrap();
            let decode = on.decode.unwrap();
            let key = decode.key.unwrap().index;
            (on.token.index, on.end_us / 1000, key, decode.frames)
        };
        assert_eq!(at(0), (0, 40, 0, 1));
        assert_eq!(at(39), (0, 40, 0, 1));
        assert_eq!(at(40), (1, 80, 0, 3));
        // Leading frames of the open group are decoded from the key frame before it.
        assert_eq!(at(170), (4, 200, 0, 6));
        assert_eq!(at(240), (6, 280, 6, 1));
        assert_eq!(at(399), (9, 400, 6, 4));
        assert_eq!(timeline.seek(400_000), None);
    }

    #[test]
    fn what_is_not_shown_is_decoded() {
        // An edit list begins in the middle of a group.
        let mut frames = vec![
            frame(-80, true),
            frame(-40, false),
            frame(0, false),
            frame(40, false),
        ];
        frames[2].duration = Some(40 * MS);
        frames[3].duration = Some(10 * MS);
        let timeline = timeline(frames);
        assert_eq!((timeline.len(), timeline.count(Fate::Outside)), (2, 2));
        let decode = timeline.seek(45_000).unwrap().decode.unwrap();
        assert_eq!((decode.key, decode.frames), (None, 4));
        assert_eq!(
            (timeline.end_us, timeline.last_end),
            (50_000, LastEnd::Told)
        );
        // The average is of what is shown.
        assert_eq!(timeline.frames_per_second(), Some(25.0));
    }

    #[test]
    fn a_stream_without_a_key_frame_can_not_be_decoded() {
        let timeline = timeline(vec![frame(0, false), frame(40, false)]);
        assert_eq!(timeline.seek(0).unwrap().decode, None);
    }

    #[test]
    fn times_are_rounded_to_the_nearest_microsecond() {
        assert_eq!(
            [0, 499, 500, 33_333_333, 66_666_666].map(us),
            [0, 0, 1, 33_333, 66_667]
        );
        assert_eq!(us(u64::MAX), 18_446_744_073_709_552);
    }

    #[test]
    fn nothing_is_nothing() {
        let timeline = timeline(vec![]);
        let facts = (timeline.len(), timeline.start_us(), timeline.duration_us());
        assert_eq!(facts, (0, 0, 0));
        assert_eq!(
            (timeline.seek(0), timeline.frames_per_second()),
            (None, None)
        );
        let one = super::Timeline::new(vec![frame(7, true)], Hints::default()).unwrap();
        assert_eq!((one.end_us, one.last_end), (7_000, LastEnd::Unknown));
    }
}
