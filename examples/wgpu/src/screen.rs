//! Draws a texture, and reads what was drawn.

use crate::uploader::size;

/// Rows of a copy begin at multiples of this.
const ALIGNMENT: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

/// A target as large as the frames, in place of a window.
pub struct Screen {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipeline: wgpu::RenderPipeline,
}

impl Screen {
    pub fn new(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let shader = device.create_shader_module(wgpu::include_wgsl!("show.wgsl"));
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("show"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &shader,
                entry_point: Some("cover"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &shader,
                entry_point: Some("show"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(wgpu::TextureFormat::Rgba8Unorm.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        Self {
            device,
            queue,
            pipeline,
        }
    }

    /// Draws a frame and gives the pixels that are seen.
    pub fn show(&self, frame: &wgpu::Texture) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        let (width, height) = (frame.width(), frame.height());
        let target = self.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("screen"),
            size: size(width, height),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let row = (width * 4).next_multiple_of(ALIGNMENT);
        let seen = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("seen"),
            size: u64::from(row) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&Default::default());
        self.draw(&mut encoder, frame, &target);
        let copy = wgpu::TexelCopyBufferInfo {
            buffer: &seen,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(row),
                rows_per_image: None,
            },
        };
        encoder.copy_texture_to_buffer(target.as_image_copy(), copy, size(width, height));
        self.queue.submit([encoder.finish()]);

        let (told, mapped) = std::sync::mpsc::channel();
        seen.slice(..)
            .map_async(wgpu::MapMode::Read, move |result| {
                // Nobody waits when drawing has failed already.
                let _ = told.send(result);
            });
        self.device.poll(wgpu::PollType::wait_indefinitely())?;
        mapped.recv()??;
        let rows = seen.slice(..).get_mapped_range()?;
        let pixels = rows
            .chunks(row as usize)
            .flat_map(|row| &row[..width as usize * 4]);
        Ok(pixels.copied().collect())
    }

    fn draw(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        frame: &wgpu::Texture,
        target: &wgpu::Texture,
    ) {
        let frame = frame.create_view(&Default::default());
        let target = target.create_view(&Default::default());
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("frame"),
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::TextureView(&frame),
            }],
        });
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("show"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &target,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.draw(0..3, 0..1);
    }
}
