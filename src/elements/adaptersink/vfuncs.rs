//! What the bindings of the base class lack.

use gst::glib::translate::{IntoGlib, ToGlibPtr, TryFromGlib, from_glib_borrow};
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::ffi::{GstBaseSink, GstBaseSinkClass};

use super::imp::AdapterSinkImp;

type Class = <AdapterSinkImp as ObjectSubclass>::Class;

/// Sets `preroll` and `get_times`, and unsets what the bindings set and this class does without: blocks are decoded when they
/// come, one by one, before the base class sees them.
pub(super) fn install(class: &mut Class) {
    // SAFETY: the class struct begins with that of its parent, GstBaseSinkClass, and is initialised by this thread alone.
    let class = unsafe { &mut *std::ptr::from_mut(class).cast::<GstBaseSinkClass>() };
    class.preroll = Some(preroll);
    class.get_times = Some(get_times);
    class.prepare = None;
    class.prepare_list = None;
    class.render_list = None;
}

unsafe extern "C" fn preroll(
    sink: *mut GstBaseSink,
    _buffer: *mut gst::ffi::GstBuffer,
) -> gst::ffi::GstFlowReturn {
    // SAFETY: the base class calls this with an instance of this class.
    let sink = unsafe { from_glib_borrow::<_, super::AdapterSink>(sink.cast::<super::Instance>()) };
    let imp = sink.imp();
    let flow = gst::panic_to_error!(imp, Err(gst::FlowError::Error), { imp.preroll() });
    flow.into_glib()
}

unsafe extern "C" fn get_times(
    sink: *mut GstBaseSink,
    _buffer: *mut gst::ffi::GstBuffer,
    start: *mut gst::ffi::GstClockTime,
    end: *mut gst::ffi::GstClockTime,
) {
    // SAFETY: as above; start and end are the caller's.
    unsafe {
        let sink = from_glib_borrow::<_, super::AdapterSink>(sink.cast::<super::Instance>());
        // The base class has one buffer at a time: that which came last.
        let times = sink.imp().times.get();
        *start = times.0.into_glib();
        *end = times.1.into_glib();
    }
}

/// Commits the state of an element that prerolls with this event, and waits until it plays. The preroll lock is held.
pub(super) fn do_preroll(
    sink: &super::AdapterSink,
    event: &gst::Event,
) -> Result<gst::FlowSuccess, gst::FlowError> {
    // SAFETY: both live for the call, which looks at the type of the object before anything else.
    let flow = unsafe {
        let sink: &gst_base::BaseSink = sink.upcast_ref();
        gst_base::ffi::gst_base_sink_do_preroll(sink.to_glib_none().0, event.as_mut_ptr().cast())
    };
    // SAFETY: it is a flow.
    unsafe { gst::FlowSuccess::try_from_glib(flow) }
}
