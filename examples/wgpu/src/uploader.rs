//! Frames into textures of wgpu.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstharmony::adapter::{Error, Frame, TextureId, TextureUploader};

/// The textures by their names, for whoever draws them.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<HashMap<TextureId, wgpu::Texture>>>);

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, HashMap<TextureId, wgpu::Texture>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The texture of this name.
    pub fn get(&self, id: TextureId) -> Option<wgpu::Texture> {
        self.lock().get(&id).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }
}

/// Writes RGBA frames into textures.
pub struct Uploader {
    device: wgpu::Device,
    queue: wgpu::Queue,
    shelf: Shelf,
    made: u64,
}

impl Uploader {
    pub fn new(device: wgpu::Device, queue: wgpu::Queue, shelf: Shelf) -> Self {
        Self {
            device,
            queue,
            shelf,
            made: 0,
        }
    }

    fn make(&mut self, width: u32, height: u32) -> TextureId {
        self.made += 1;
        let id = TextureId(self.made);
        let texture = self.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("frame"),
            size: size(width, height),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        self.shelf.lock().insert(id, texture);
        id
    }
}

pub fn size(width: u32, height: u32) -> wgpu::Extent3d {
    wgpu::Extent3d {
        width,
        height,
        depth_or_array_layers: 1,
    }
}

impl TextureUploader for Uploader {
    fn upload(&mut self, frame: &Frame<'_>, reuse: Option<TextureId>) -> Result<TextureId, Error> {
        let (width, height) = (frame.width, frame.height);
        let most = self.device.limits().max_texture_dimension_2d;
        if frame.format != "RGBA" || width.max(height) > most {
            return Err(Error::Memory(format!(
                "found {width}x{height} pixels of {}, expected RGBA and no side above {most}",
                frame.format
            )));
        }
        let bytes = frame.payload.bytes()?;
        let expected = width as usize * height as usize * 4;
        if bytes.len() != expected {
            return Err(Error::Memory(format!(
                "found {} bytes for {width}x{height} pixels, expected {expected}",
                bytes.len()
            )));
        }
        let id = match reuse {
            Some(id) => id,
            None => self.make(width, height),
        };
        let Some(texture) = self.shelf.get(id) else {
            return Err(Error::Texture(format!(
                "found no texture {id}, expected the one that was made"
            )));
        };
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(width * 4),
            rows_per_image: None,
        };
        self.queue
            .write_texture(texture.as_image_copy(), bytes, layout, size(width, height));
        Ok(id)
    }

    fn release(&mut self, id: TextureId) {
        if let Some(texture) = self.shelf.lock().remove(&id) {
            texture.destroy();
        }
    }

    fn size(&self, id: TextureId) -> Option<(u32, u32)> {
        let texture = self.shelf.get(id)?;
        Some((texture.width(), texture.height()))
    }
}
