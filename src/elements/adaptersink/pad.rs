//! The sink pad, where blocks are decoded before the base class waits for their time. It would drop those outside the segment,
//! and those that a step leaves out, though others build on them; and it would hold its lock meanwhile, which changes of state need.

use std::sync::OnceLock;

use gst::ffi::{GstBuffer, GstBufferList, GstFlowReturn, GstObject, GstPad};
use gst::glib::translate::{IntoGlib, IntoGlibPtr, TryFromGlib, from_glib_borrow, from_glib_full};
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::AdapterSink;

type Chain = unsafe extern "C" fn(*mut GstPad, *mut GstObject, *mut GstBuffer) -> GstFlowReturn;

/// The function of the base class, which every instance has.
static OF_BASE: OnceLock<Chain> = OnceLock::new();

/// Puts functions before those of the base class. (A probe would do as well; it takes longer than the rest of the element.)
pub(super) fn install(sink: &AdapterSink) {
    let pad = sink.sink_pad().as_ptr();
    // SAFETY: the pad is that of an element which is being made; no other thread knows it. The functions need no data.
    unsafe {
        if let Some(function) = (*pad).chainfunc {
            OF_BASE.get_or_init(|| function);
        }
        gst::ffi::gst_pad_set_chain_function_full(pad, Some(chain), std::ptr::null_mut(), None);
        let list = Some(chain_list as _);
        gst::ffi::gst_pad_set_chain_list_function_full(pad, list, std::ptr::null_mut(), None);
    }
}

unsafe extern "C" fn chain(
    pad: *mut GstPad,
    parent: *mut GstObject,
    buffer: *mut GstBuffer,
) -> GstFlowReturn {
    // SAFETY: a pad calls this with its parent, which is the element that it was put on, and a buffer that it gives away.
    unsafe {
        let sink = from_glib_borrow::<_, AdapterSink>(parent.cast::<super::Instance>());
        let imp = sink.imp();
        let arrived = {
            let buffer = from_glib_borrow::<_, gst::Buffer>(buffer);
            gst::panic_to_error!(imp, Err(gst::FlowError::Error), { imp.arrive(&buffer) })
        };
        match (arrived, OF_BASE.get()) {
            (Ok(true), Some(base)) => base(pad, parent, buffer),
            (done, _) => {
                drop(from_glib_full::<_, gst::Buffer>(buffer));
                done.map(|_| gst::FlowSuccess::Ok).into_glib()
            }
        }
    }
}

/// One by one: those in the segment have to be done with before those that follow them.
unsafe extern "C" fn chain_list(
    pad: *mut GstPad,
    parent: *mut GstObject,
    list: *mut GstBufferList,
) -> GstFlowReturn {
    // SAFETY: as above.
    unsafe {
        let list = from_glib_full::<_, gst::BufferList>(list);
        let mut buffers = list.iter_owned();
        let flow = buffers.try_for_each(|buffer| {
            let flow = chain(pad, parent, buffer.into_glib_ptr());
            gst::FlowSuccess::try_from_glib(flow).map(|_| ())
        });
        flow.map(|()| gst::FlowSuccess::Ok).into_glib()
    }
}
