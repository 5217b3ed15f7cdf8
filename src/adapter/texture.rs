//! Frames in textures: who makes them, and who gives them back.
//!
//! A [`TextureUploader`] puts a [`Frame`] into a texture of its device, whatever that is. [`Textures`] owns the uploader, hands
//! out each texture as a [`Texture`] that gives itself back when it is dropped, and keeps a bounded number of those given back for the next
//! frame of the same size and format.

mod null;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::{Error, Payload};

pub use null::{NullUploader, Uploads};

/// A picture to put into a texture.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// How pixels are stored, as GStreamer names it: `RGBA`, `NV12`.
    pub format: &'a str,
    /// The pixels.
    pub payload: &'a Arc<dyn Payload>,
}

/// What the uploader calls a texture: with OpenGL its name there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextureId(pub u64);

impl fmt::Display for TextureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Puts frames into textures of a device.
///
/// It is asked by one thread at a time, not always the same one.
pub trait TextureUploader: Send {
    /// Puts the frame into `reuse`, a texture of the same size and format that nobody uses any more, or into one of its own
    /// choice, and says into which. Where it says another, `reuse` stays as it is.
    ///
    /// # Errors
    /// [`Error::Memory`] when it can't take this frame, [`Error::Texture`] when its device fails. It has then made nothing; `reuse` is released.
    fn upload(&mut self, frame: &Frame<'_>, reuse: Option<TextureId>) -> Result<TextureId, Error>;

    /// Frees a texture: once for each [`TextureUploader::upload`] that said its name, except where it was reused.
    fn release(&mut self, id: TextureId);

    /// Width and height of a texture in pixels. `None`: it has no such texture.
    fn size(&self, id: TextureId) -> Option<(u32, u32)>;

    /// False where a texture is worth nothing once its frame is no longer shown, as one that belongs to an element upstream: it is
    /// then released at once.
    fn reuses(&self) -> bool {
        true
    }
}

/// What a texture must have in common with a frame to take it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    size: (u32, u32),
    format: String,
}

impl Shape {
    fn fits(&self, frame: &Frame<'_>) -> bool {
        self.size == (frame.width, frame.height) && self.format == frame.format
    }
}

/// The uploader with the textures that wait for the next frame.
struct Pool {
    uploader: Box<dyn TextureUploader>,
    /// In the order in which they were given back.
    idle: VecDeque<(Shape, TextureId)>,
}

impl Pool {
    fn shrink(&mut self, limit: usize) {
        while self.idle.len() > limit
            && let Some((_, id)) = self.idle.pop_front()
        {
            self.uploader.release(id);
        }
    }

    fn forget(&mut self, id: TextureId) {
        self.idle.retain(|(_, idle)| *idle != id);
    }

    fn upload(&mut self, frame: &Frame<'_>) -> Result<TextureId, Error> {
        // The newest first: its memory is warm. It waits on until the uploader has taken it.
        let reuse = self.idle.iter().rev().find(|(shape, _)| shape.fits(frame));
        let reuse = reuse.map(|&(_, id)| id);
        let made = self.uploader.upload(frame, reuse);
        if let Some(reuse) = reuse
            && made.as_ref().ok().is_none_or(|id| *id == reuse)
        {
            self.forget(reuse);
            if made.is_err() {
                self.uploader.release(reuse);
            }
        }
        let id = made?;
        match self.uploader.size(id) {
            Some(size) if size == (frame.width, frame.height) => Ok(id),
            found => {
                if found.is_some() {
                    self.uploader.release(id);
                }
                Err(wrong_size(id, found, frame))
            }
        }
    }
}

fn wrong_size(id: TextureId, found: Option<(u32, u32)>, frame: &Frame<'_>) -> Error {
    let found = found.map_or_else(
        || "none of this name".to_owned(),
        |(width, height)| format!("{width}x{height} pixels"),
    );
    Error::Texture(format!(
        "{id}: found {found}, expected {}x{} pixels",
        frame.width, frame.height
    ))
}

struct Shared {
    pool: Mutex<Pool>,
    /// Textures that nobody uses any more and that the pool has yet to take back. A user must not wait for an upload to end, which may wait
    /// for the very thread that the user is on, as OpenGL's.
    returned: Mutex<Vec<(Shape, TextureId)>>,
    /// At most so many wait for the next frame.
    limit: AtomicUsize,
    /// All that wait are to be released.
    clear: AtomicBool,
    in_flight: AtomicUsize,
}

impl Shared {
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn returned(&self) -> MutexGuard<'_, Vec<(Shape, TextureId)>> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the pool take back what was returned. Where it is at work whoever works there does so afterwards.
    fn settle(&self) {
        while self.clear.load(Ordering::SeqCst) || !self.returned().is_empty() {
            let mut pool = match self.pool.try_lock() {
                Ok(pool) => pool,
                Err(TryLockError::Poisoned(pool)) => pool.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let limit = if self.clear.swap(false, Ordering::SeqCst) || !pool.uploader.reuses() {
                0
            } else {
                self.limit.load(Ordering::SeqCst)
            };
            let returned = std::mem::take(&mut *self.returned());
            pool.idle.extend(returned);
            pool.shrink(limit);
        }
    }

    fn clear(&self) {
        self.clear.store(true, Ordering::SeqCst);
        self.settle();
    }
}

/// An uploader with its textures. Those that wait are released with it, those in use when the last user drops them.
pub struct Textures(Arc<Shared>);

impl fmt::Debug for Textures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Textures")
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl Textures {
    /// Hands out textures of this uploader; at most `pooled` that nobody uses wait for the next frame.
    #[must_use]
    pub fn new(uploader: Box<dyn TextureUploader>, pooled: usize) -> Self {
        let pool = Pool {
            uploader,
            idle: VecDeque::new(),
        };
        Self(Arc::new(Shared {
            pool: Mutex::new(pool),
            returned: Mutex::default(),
            limit: AtomicUsize::new(pooled),
            clear: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
        }))
    }

    /// A texture with this frame.
    ///
    /// # Errors
    /// Those of the uploader; [`Error::Texture`] when its texture has not the size of the frame; [`Error::Memory`] for a frame without pixels.
    pub fn upload(&self, frame: &Frame<'_>) -> Result<Texture, Error> {
        if frame.width == 0 || frame.height == 0 {
            return Err(Error::Memory(format!(
                "found a frame of {}x{} pixels, expected at least 1x1",
                frame.width, frame.height
            )));
        }
        let uploaded = self.0.pool().upload(frame);
        self.0.settle();
        let id = uploaded?;
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Texture {
            shared: self.0.clone(),
            id,
            shape: Shape {
                size: (frame.width, frame.height),
                format: frame.format.to_owned(),
            },
        })
    }

    /// How many are in use.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.in_flight.load(Ordering::Relaxed)
    }

    /// How many wait for the next frame. It waits for an upload to end.
    #[must_use]
    pub fn idle(&self) -> usize {
        let idle = self.0.pool().idle.len();
        self.0.settle();
        idle
    }

    /// Releases those that wait.
    pub fn clear(&self) {
        self.0.clear();
    }
}

impl Drop for Textures {
    fn drop(&mut self) {
        self.0.limit.store(0, Ordering::SeqCst);
        self.0.clear();
    }
}

/// A texture in use. It goes back to its pool when it is dropped, on whichever thread, which does not wait for an upload.
pub struct Texture {
    shared: Arc<Shared>,
    id: TextureId,
    shape: Shape,
}

impl fmt::Debug for Texture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texture")
            .field("id", &self.id)
            .field("size", &self.shape.size)
            .field("format", &self.shape.format)
            .finish_non_exhaustive()
    }
}

impl Texture {
    /// What the uploader calls it.
    #[must_use]
    pub fn id(&self) -> TextureId {
        self.id
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.shape.size
    }

    /// How the pixels of its frame are stored, as GStreamer names it.
    #[must_use]
    pub fn format(&self) -> &str {
        &self.shape.format
    }
}

impl Drop for Texture {
    fn drop(&mut self) {
        let shape = self.shape.clone();
        self.shared.returned().push((shape, self.id));
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.shared.settle();
    }
}
