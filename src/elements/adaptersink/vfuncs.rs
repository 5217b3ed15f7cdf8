//! Virtual functions of the base class that the bindings lack.

use gst::glib::translate::{IntoGlib, from_glib_borrow};
use gst::subclass::prelude::*;
use gst_base::ffi::{GstBaseSink, GstBaseSinkClass};

use super::imp::AdapterSinkImp;

type Class = <AdapterSinkImp as ObjectSubclass>::Class;

/// Sets `preroll` and `get_times`, and unsets those for lists: the base class then gives each buffer of a list its own time.
pub(super) fn install(class: &mut Class) {
    // SAFETY: the class struct begins with that of its parent, GstBaseSinkClass, and is initialised by this thread alone.
    let class = unsafe { &mut *std::ptr::from_mut(class).cast::<GstBaseSinkClass>() };
    class.preroll = Some(preroll);
    class.get_times = Some(get_times);
    class.prepare_list = None;
    class.render_list = None;
}

unsafe extern "C" fn preroll(
    sink: *mut GstBaseSink,
    buffer: *mut gst::ffi::GstBuffer,
) -> gst::ffi::GstFlowReturn {
    // SAFETY: the base class calls this with an instance of this class and a buffer that it holds.
    let (sink, buffer) = unsafe {
        let sink = from_glib_borrow::<_, super::AdapterSink>(sink.cast::<super::Instance>());
        (sink, from_glib_borrow::<_, gst::Buffer>(buffer))
    };
    let flow = sink.imp().preroll(&buffer);
    flow.into_glib()
}

unsafe extern "C" fn get_times(
    sink: *mut GstBaseSink,
    buffer: *mut gst::ffi::GstBuffer,
    start: *mut gst::ffi::GstClockTime,
    end: *mut gst::ffi::GstClockTime,
) {
    // SAFETY: as above; start and end are the caller's.
    unsafe {
        let sink = from_glib_borrow::<_, super::AdapterSink>(sink.cast::<super::Instance>());
        let buffer = gst::BufferRef::from_ptr(buffer);
        let times = sink.imp().times(buffer);
        *start = times.0.into_glib();
        *end = times.1.into_glib();
    }
}
