use std::collections::HashSet;

use super::*;
use crate::adapter::Bytes;

fn payload(bytes: &[u8]) -> Arc<dyn Payload> {
    Arc::new(Bytes(bytes.to_vec()))
}

fn frame(width: u32, height: u32, payload: &Arc<dyn Payload>) -> Frame<'_> {
    Frame {
        width,
        height,
        format: "RGBA",
        payload,
    }
}

fn null(pooled: usize) -> (Textures, Arc<Uploads>) {
    let uploader = NullUploader::new();
    let uploads = uploader.uploads();
    (Textures::new(Box::new(uploader), pooled), uploads)
}

/// Bytes that no processor reads.
#[derive(Debug)]
struct Unreadable;

impl Payload for Unreadable {
    fn bytes(&self) -> Result<&[u8], Error> {
        Err(Error::Memory("found a texture, expected bytes".to_owned()))
    }

    fn size(&self) -> usize {
        4
    }
}

#[test]
fn a_texture_that_was_dropped_takes_the_next_frame() {
    let (textures, uploads) = null(2);
    let bytes = payload(&[1; 4]);
    let first = textures.upload(&frame(1, 1, &bytes)).unwrap();
    let id = first.id();
    assert_eq!((first.size(), first.format()), ((1, 1), "RGBA"));
    assert_eq!((textures.in_flight(), textures.idle()), (1, 0));
    drop(first);
    assert_eq!((textures.in_flight(), textures.idle()), (0, 1));
    let second = textures.upload(&frame(1, 1, &bytes)).unwrap();
    assert_eq!(second.id(), id);
    assert_eq!((uploads.uploaded(), uploads.made()), (2, 1));
}

#[test]
fn two_frames_at_once_have_two_textures() {
    let (textures, uploads) = null(2);
    let bytes = payload(&[1; 4]);
    let one = textures.upload(&frame(1, 1, &bytes)).unwrap();
    let other = textures.upload(&frame(1, 1, &bytes)).unwrap();
    assert_ne!(one.id(), other.id());
    assert_eq!((textures.in_flight(), uploads.live()), (2, 2));
}

#[test]
fn another_size_or_format_has_another_texture() {
    let (textures, uploads) = null(3);
    let bytes = payload(&[1; 8]);
    let mut other = frame(2, 1, &bytes);
    let mut ids = HashSet::new();
    ids.insert(textures.upload(&other).unwrap().id());
    ids.insert(textures.upload(&frame(1, 2, &bytes)).unwrap().id());
    other.format = "BGRA";
    ids.insert(textures.upload(&other).unwrap().id());
    assert_eq!((ids.len(), textures.idle()), (3, 3));
    // All three wait, each for its like.
    assert!(ids.contains(&textures.upload(&other).unwrap().id()));
    assert_eq!(uploads.made(), 3);
}

#[test]
fn no_more_textures_wait_than_the_bound() {
    let (textures, uploads) = null(2);
    let bytes = payload(&[1; 4]);
    let held: Vec<_> = (0..5)
        .map(|_| textures.upload(&frame(1, 1, &bytes)).unwrap())
        .collect();
    drop(held);
    assert_eq!((textures.idle(), uploads.live()), (2, 2));
    // A new size takes the place of the old one, the longest waiting first.
    drop(textures.upload(&frame(1, 2, &bytes)).unwrap());
    drop(textures.upload(&frame(2, 1, &bytes)).unwrap());
    assert_eq!((textures.idle(), uploads.live()), (2, 2));
    drop(textures.upload(&frame(1, 1, &bytes)).unwrap());
    assert_eq!(uploads.made(), 8);
    textures.clear();
    assert_eq!((textures.idle(), uploads.live()), (0, 0));
    assert_eq!(uploads.unknown_releases(), 0);
}

#[test]
fn without_a_pool_each_texture_is_released_at_once() {
    let (textures, uploads) = null(0);
    let bytes = payload(&[1; 4]);
    for _ in 0..3 {
        drop(textures.upload(&frame(1, 1, &bytes)).unwrap());
        assert_eq!((textures.idle(), uploads.live()), (0, 0));
    }
    assert_eq!(uploads.made(), 3);
}

#[test]
fn a_texture_outlives_its_pool_and_is_released_then() {
    let (textures, uploads) = null(4);
    let bytes = payload(&[1; 4]);
    let kept = textures.upload(&frame(1, 1, &bytes)).unwrap();
    drop(textures.upload(&frame(1, 1, &bytes)).unwrap());
    drop(textures);
    assert_eq!(uploads.live(), 1);
    std::thread::spawn(move || drop(kept)).join().unwrap();
    assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 0));
}

#[test]
fn ten_thousand_frames_leave_no_texture() {
    let (textures, uploads) = null(4);
    let bytes = payload(&[7; 64]);
    let mut held = VecDeque::new();
    let mut state = 1_u32;
    for _ in 0..10_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, _, kind, _] = state.to_le_bytes();
        let (width, height) = (1 + u32::from(kind % 3), 1 + u32::from(kind / 3 % 3));
        held.push_back(textures.upload(&frame(width, height, &bytes)).unwrap());
        match kind {
            // A flush forgets all that waited.
            0..3 => held.clear(),
            3..6 => textures.clear(),
            // A user that drops them in another order than theirs.
            6..16 => drop(held.swap_remove_front(held.len() / 2)),
            _ => (),
        }
        held.truncate(16);
        assert_eq!(textures.in_flight(), held.len());
        assert!(textures.idle() <= 4);
        assert_eq!(uploads.live(), (textures.idle() + held.len()) as u64);
    }
    drop(held);
    drop(textures);
    assert_eq!(uploads.uploaded(), 10_000);
    assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 0));
}

#[test]
fn threads_share_a_pool() {
    let (textures, uploads) = null(3);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let bytes = payload(&[1; 4]);
                for _ in 0..500 {
                    drop(textures.upload(&frame(1, 1, &bytes)).unwrap());
                }
            });
        }
    });
    assert_eq!((textures.in_flight(), uploads.uploaded()), (0, 2_000));
    drop(textures);
    assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 0));
}

#[test]
fn a_frame_that_fails_leaves_no_texture() {
    let (textures, uploads) = null(2);
    let unreadable: Arc<dyn Payload> = Arc::new(Unreadable);
    let expected = Error::Memory("found a texture, expected bytes".to_owned());
    assert_eq!(
        textures.upload(&frame(1, 1, &unreadable)).unwrap_err(),
        expected
    );
    assert_eq!((textures.in_flight(), uploads.live()), (0, 0));
    // Nor does it harm the one that was to be reused.
    let bytes = payload(&[1; 4]);
    drop(textures.upload(&frame(1, 1, &bytes)).unwrap());
    assert!(textures.upload(&frame(1, 1, &unreadable)).is_err());
    assert_eq!((textures.in_flight(), textures.idle()), (0, 0));
    assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 0));
    assert!(textures.upload(&frame(1, 1, &bytes)).is_ok());
}

#[test]
fn a_frame_without_pixels_is_refused() {
    let (textures, uploads) = null(2);
    let bytes = payload(&[]);
    let error = textures.upload(&frame(0, 5, &bytes)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "memory: found a frame of 0x5 pixels, expected at least 1x1"
    );
    assert_eq!(uploads.made(), 0);
}

#[test]
fn a_second_release_is_counted() {
    let mut uploader = NullUploader::new();
    let uploads = uploader.uploads();
    let bytes = payload(&[1, 2, 3, 4]);
    let id = uploader.upload(&frame(1, 1, &bytes), None).unwrap();
    assert_eq!(uploader.size(id), Some((1, 1)));
    assert_eq!(uploader.bytes(id), Some(&[1, 2, 3, 4][..]));
    uploader.release(id);
    assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 0));
    uploader.release(id);
    assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 1));
    assert_eq!((uploader.size(id), uploader.bytes(id)), (None, None));
}

#[test]
fn a_reused_texture_has_the_new_frame() {
    let mut uploader = NullUploader::new();
    let id = uploader.upload(&frame(1, 1, &payload(&[1; 4])), None);
    let id = id.unwrap();
    let again = uploader.upload(&frame(1, 1, &payload(&[2; 4])), Some(id));
    assert_eq!(again.unwrap(), id);
    assert_eq!(uploader.bytes(id), Some(&[2; 4][..]));
}

/// Gives names and sizes as it is told, and writes down what is released.
struct Told {
    next: Vec<(u64, (u32, u32))>,
    sizes: Vec<(u64, (u32, u32))>,
    released: Arc<Mutex<Vec<u64>>>,
    reuses: bool,
}

impl Told {
    fn pool(next: &[(u64, (u32, u32))], reuses: bool) -> (Textures, Arc<Mutex<Vec<u64>>>) {
        let released = Arc::<Mutex<Vec<u64>>>::default();
        let told = Self {
            next: next.iter().rev().copied().collect(),
            sizes: Vec::new(),
            released: released.clone(),
            reuses,
        };
        (Textures::new(Box::new(told), 8), released)
    }
}

impl TextureUploader for Told {
    fn upload(&mut self, _: &Frame<'_>, _: Option<TextureId>) -> Result<TextureId, Error> {
        let texture = self.next.pop().expect("one is left");
        self.sizes.push(texture);
        Ok(TextureId(texture.0))
    }

    fn release(&mut self, id: TextureId) {
        self.released.lock().unwrap().push(id.0);
    }

    fn size(&self, id: TextureId) -> Option<(u32, u32)> {
        let known = self.sizes.iter().find(|(known, _)| *known == id.0);
        known.map(|(_, size)| *size).filter(|size| size.0 > 0)
    }

    fn reuses(&self) -> bool {
        self.reuses
    }
}

#[test]
fn a_texture_of_another_size_is_refused_and_released() {
    let (textures, released) = Told::pool(&[(7, (2, 2)), (8, (0, 0))], true);
    let bytes = payload(&[1; 4]);
    assert_eq!(
        textures
            .upload(&frame(1, 1, &bytes))
            .unwrap_err()
            .to_string(),
        "texture: 7: found 2x2 pixels, expected 1x1 pixels"
    );
    assert_eq!(*released.lock().unwrap(), [7]);
    assert_eq!(
        textures
            .upload(&frame(1, 1, &bytes))
            .unwrap_err()
            .to_string(),
        "texture: 8: found none of this name, expected 1x1 pixels"
    );
    assert_eq!((textures.in_flight(), textures.idle()), (0, 0));
}

#[test]
fn a_texture_that_was_not_reused_waits_on() {
    let (textures, released) = Told::pool(&[(1, (1, 1)), (2, (1, 1))], true);
    let bytes = payload(&[1; 4]);
    drop(textures.upload(&frame(1, 1, &bytes)).unwrap());
    let other = textures.upload(&frame(1, 1, &bytes)).unwrap();
    assert_eq!((other.id(), textures.idle()), (TextureId(2), 1));
    drop(other);
    drop(textures);
    assert_eq!(*released.lock().unwrap(), [1, 2]);
}

#[test]
fn textures_of_others_are_released_as_often_as_they_were_taken() {
    let (textures, released) = Told::pool(&[(5, (1, 1)), (5, (1, 1))], false);
    let bytes = payload(&[1; 4]);
    let one = textures.upload(&frame(1, 1, &bytes)).unwrap();
    let other = textures.upload(&frame(1, 1, &bytes)).unwrap();
    assert_eq!(textures.in_flight(), 2);
    drop(one);
    assert_eq!(*released.lock().unwrap(), [5]);
    drop(other);
    assert_eq!(*released.lock().unwrap(), [5, 5]);
    assert_eq!((textures.in_flight(), textures.idle()), (0, 0));
}

/// While it uploads it has another thread drop textures of its own pool, and waits for it.
struct Waiting {
    null: NullUploader,
    held: std::sync::mpsc::Receiver<Texture>,
}

impl TextureUploader for Waiting {
    fn upload(&mut self, frame: &Frame<'_>, reuse: Option<TextureId>) -> Result<TextureId, Error> {
        let held: Vec<_> = self.held.try_iter().collect();
        std::thread::spawn(move || drop(held)).join().unwrap();
        self.null.upload(frame, reuse)
    }

    fn release(&mut self, id: TextureId) {
        self.null.release(id);
    }

    fn size(&self, id: TextureId) -> Option<(u32, u32)> {
        self.null.size(id)
    }
}

#[test]
fn a_user_on_the_thread_that_an_upload_waits_for_does_not_wait() {
    let null = NullUploader::new();
    let uploads = null.uploads();
    let (keep, held) = std::sync::mpsc::channel();
    let textures = Textures::new(Box::new(Waiting { null, held }), 1);
    let bytes = payload(&[1; 4]);
    for _ in 0..3 {
        keep.send(textures.upload(&frame(1, 1, &bytes)).unwrap())
            .unwrap();
        keep.send(textures.upload(&frame(1, 1, &bytes)).unwrap())
            .unwrap();
    }
    let last = textures.upload(&frame(1, 1, &bytes)).unwrap();
    // What was dropped meanwhile is taken back when the upload is over.
    assert_eq!((textures.in_flight(), textures.idle()), (1, 1));
    assert_eq!(uploads.live(), 2);
    drop(last);
    drop(textures);
    assert_eq!((uploads.live(), uploads.unknown_releases()), (0, 0));
}
