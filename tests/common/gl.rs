//! OpenGL without a display: what GStreamer's elements need of it, and textures read back by their names.

use std::ffi::c_void;
use std::sync::{LazyLock, Once};

use gst_gl::prelude::*;
use gst_gl::{GLContext, GLDisplay};

/// Starts GStreamer and registers the plugin, once a process, with OpenGL on the processor and on no display.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (name, value) in ENVIRONMENT {
            // SAFETY: every test of a program that uses this begins here, and none reads the environment before.
            unsafe { std::env::set_var(name, value) };
        }
    });
    super::init();
}

/// The display of all pipelines. The end of a second one would end the first too: both are one of EGL.
pub fn display() -> &'static GLDisplay {
    static DISPLAY: LazyLock<GLDisplay> = LazyLock::new(GLDisplay::new);
    init();
    &DISPLAY
}

/// The display for elements that need one.
pub fn display_context() -> gst::Context {
    let mut context = gst::Context::new(gst_gl::GL_DISPLAY_CONTEXT_TYPE, true);
    let unique = context.get_mut().expect("nobody else has it");
    unique.set_gl_display(display());
    context
}

/// What keeps OpenGL off displays and devices.
pub const ENVIRONMENT: [(&str, &str); 3] = [
    ("GST_GL_PLATFORM", "egl"),
    ("GST_GL_WINDOW", "egl-device"),
    ("LIBGL_ALWAYS_SOFTWARE", "1"),
];

const TEXTURE_2D: u32 = 0x0de1;
const FRAMEBUFFER: u32 = 0x8d40;
const COLOR_ATTACHMENT0: u32 = 0x8ce0;
const FRAMEBUFFER_COMPLETE: u32 = 0x8cd5;
const RGBA: u32 = 0x1908;
const UNSIGNED_BYTE: u32 = 0x1401;

/// A function of OpenGL.
///
/// # Safety
/// `F` is its type.
unsafe fn function<F: Copy>(context: &GLContext, name: &str) -> F {
    let address = context.proc_address(name);
    assert_ne!(address, 0, "{name}");
    assert_eq!(size_of::<F>(), size_of::<usize>());
    // SAFETY: a function pointer of the caller's type, as large as an address.
    unsafe { std::mem::transmute_copy(&address) }
}

/// Pixels of an RGBA texture of a context, rows from the first on.
pub fn pixels(context: &GLContext, texture: u32, (width, height): (u32, u32)) -> Vec<u8> {
    let mut pixels = vec![0; width as usize * height as usize * 4];
    context.thread_add(|context| {
        // SAFETY: the types are those of the OpenGL ES 3.2 specification, sections 9.2, 9.4 and 16.1.
        unsafe { read(context, texture, width as i32, height as i32, &mut pixels) };
    });
    pixels
}

unsafe fn read(context: &GLContext, texture: u32, width: i32, height: i32, pixels: &mut [u8]) {
    unsafe {
        let generate: extern "system" fn(i32, *mut u32) = function(context, "glGenFramebuffers");
        let bind: extern "system" fn(u32, u32) = function(context, "glBindFramebuffer");
        let attach: extern "system" fn(u32, u32, u32, u32, i32) =
            function(context, "glFramebufferTexture2D");
        let status: extern "system" fn(u32) -> u32 = function(context, "glCheckFramebufferStatus");
        let read: extern "system" fn(i32, i32, i32, i32, u32, u32, *mut c_void) =
            function(context, "glReadPixels");
        let delete: extern "system" fn(i32, *const u32) = function(context, "glDeleteFramebuffers");
        let error: extern "system" fn() -> u32 = function(context, "glGetError");
        let mut framebuffer = 0;
        generate(1, &mut framebuffer);
        bind(FRAMEBUFFER, framebuffer);
        attach(FRAMEBUFFER, COLOR_ATTACHMENT0, TEXTURE_2D, texture, 0);
        assert_eq!(status(FRAMEBUFFER), FRAMEBUFFER_COMPLETE);
        read(
            0,
            0,
            width,
            height,
            RGBA,
            UNSIGNED_BYTE,
            pixels.as_mut_ptr().cast(),
        );
        bind(FRAMEBUFFER, 0);
        delete(1, &framebuffer);
        assert_eq!(error(), 0);
    }
}

/// The context in which a buffer's texture was made.
pub fn context(buffer: &gst::BufferRef) -> GLContext {
    let memory = buffer.peek_memory(0);
    let memory = memory.downcast_memory_ref::<gst_gl::GLMemory>();
    memory.expect("a texture").context().clone()
}

/// True when a context has a texture of this name.
pub fn is_texture(context: &GLContext, texture: u32) -> bool {
    let mut found = false;
    context.thread_add(|context| {
        // SAFETY: the type is that of the OpenGL ES 3.2 specification, section 8.1.
        let is: extern "system" fn(u32) -> u8 = unsafe { function(context, "glIsTexture") };
        found = is(texture) != 0;
    });
    found
}
