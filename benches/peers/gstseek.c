/* Seeks with GStreamer, in one pipeline that is kept: cc gstseek.c $(pkg-config --cflags --libs gstreamer-app-1.0). See
 * peer.h for its arguments. The environment variable PIPELINE may name another than that of an Ogg file; FILE is then
 * the location of its element "source".
 */
#include "peer.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#define PATIENCE (60 * GST_SECOND)

static GstElement *pipeline, *sink;

static void settle(GstState state) {
  gst_element_set_state(pipeline, state);
  if (gst_element_get_state(pipeline, NULL, NULL, PATIENCE) != GST_STATE_CHANGE_SUCCESS)
    fail("the pipeline does not start");
}

static void peer_open(const char *path) {
  const char *text = getenv("PIPELINE");
  if (text == NULL)
    text = "filesrc name=source ! oggdemux ! opusdec phase-inversion=true";
  gst_init(NULL, NULL);
  char *whole = g_strdup_printf("%s ! audio/x-raw,format=S16LE,rate=48000 ! appsink name=sink sync=false "
                                "max-buffers=16",
                                text);
  pipeline = gst_parse_launch(whole, NULL);
  g_free(whole);
  if (pipeline == NULL)
    fail("an element is missing");
  GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  g_object_set(source, "location", path, NULL);
  gst_object_unref(source);
  sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  settle(GST_STATE_PAUSED);
  settle(GST_STATE_PLAYING);
}

static void peer_read(int64_t position, int64_t length, int channels, int16_t *to) {
  GstClockTime start = gst_util_uint64_scale(position, GST_SECOND, 48000);
  GstClockTime stop = gst_util_uint64_scale(position + length, GST_SECOND, 48000);
  if (!gst_element_seek(pipeline, 1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                        GST_SEEK_TYPE_SET, start, GST_SEEK_TYPE_SET, stop))
    fail("cannot seek");
  size_t left = (size_t)(length * channels) * sizeof *to;
  memset(to, 0, left);
  /* A peer that gives too few samples is not exact, which is not the matter of this program. */
  while (left > 0) {
    GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), PATIENCE);
    if (sample == NULL) {
      if (!gst_app_sink_is_eos(GST_APP_SINK(sink)))
        fail("the pipeline hangs");
      return;
    }
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    size_t got = gst_buffer_extract(buffer, 0, to, left);
    to += got / sizeof *to;
    left -= got;
    gst_sample_unref(sample);
  }
}

static void peer_close(void) {
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
}

static void peer_report(int64_t positions) { (void)positions; }
