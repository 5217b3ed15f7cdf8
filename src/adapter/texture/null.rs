//! Textures in main memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Error, Frame, TextureId, TextureUploader};

/// What an uploader did; it can be read while the uploader is at work, and after its end.
#[derive(Debug, Default)]
pub struct Uploads {
    uploaded: AtomicU64,
    made: AtomicU64,
    released: AtomicU64,
    unknown: AtomicU64,
}

impl Uploads {
    /// Frames that were put into a texture.
    #[must_use]
    pub fn uploaded(&self) -> u64 {
        self.uploaded.load(Ordering::SeqCst)
    }

    /// Textures that were made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::SeqCst)
    }

    /// Textures that were made and not released: leaked ones, when nobody uses any.
    #[must_use]
    pub fn live(&self) -> u64 {
        let released = self.released.load(Ordering::SeqCst);
        self.made().saturating_sub(released)
    }

    /// Releases of a texture that is not there, as of one that was released before. There should be none.
    #[must_use]
    pub fn unknown_releases(&self) -> u64 {
        self.unknown.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Copied {
    size: (u32, u32),
    bytes: Vec<u8>,
}

/// Copies frames into main memory and counts, so that an application can be tested without a device.
#[derive(Debug, Default)]
pub struct NullUploader {
    textures: HashMap<TextureId, Copied>,
    uploads: Arc<Uploads>,
}

impl NullUploader {
    /// One without textures.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its counters.
    #[must_use]
    pub fn uploads(&self) -> Arc<Uploads> {
        self.uploads.clone()
    }

    /// Bytes of the frame in a texture.
    #[must_use]
    pub fn bytes(&self, id: TextureId) -> Option<&[u8]> {
        self.textures.get(&id).map(|texture| &*texture.bytes)
    }
}

impl TextureUploader for NullUploader {
    fn upload(&mut self, frame: &Frame<'_>, reuse: Option<TextureId>) -> Result<TextureId, Error> {
        let bytes = frame.payload.bytes()?;
        let reused = reuse.and_then(|id| Some((id, self.textures.get_mut(&id)?)));
        let id = if let Some((id, texture)) = reused {
            texture.bytes.clear();
            texture.bytes.extend_from_slice(bytes);
            id
        } else {
            // A name is never given twice, so that a late release meets no other's texture.
            let id = TextureId(self.uploads.made.fetch_add(1, Ordering::SeqCst) + 1);
            let texture = Copied {
                size: (frame.width, frame.height),
                bytes: bytes.to_vec(),
            };
            self.textures.insert(id, texture);
            id
        };
        self.uploads.uploaded.fetch_add(1, Ordering::SeqCst);
        Ok(id)
    }

    fn release(&mut self, id: TextureId) {
        let counter = if self.textures.remove(&id).is_some() {
            &self.uploads.released
        } else {
            &self.uploads.unknown
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }

    fn size(&self, id: TextureId) -> Option<(u32, u32)> {
        self.textures.get(&id).map(|texture| texture.size)
    }
}
