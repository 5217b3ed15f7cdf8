/* Records and plays an H4MK file through the public interface alone, as a C application does.
 *
 *   cc embedding.c -o embedding $(pkg-config --cflags --libs gstreamer-1.0)
 *   GST_PLUGIN_PATH=build ./embedding FILE.h4mk
 */
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAMES 50
#define PACKETS 100

static void fail(const char *what) {
  fprintf(stderr, "embedding: %s\n", what);
  exit(1);
}

/* Plays to EOS; ends the program on an error or when nothing happens for two minutes. */
static void run(GstElement *pipeline) {
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus, 120 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (message == NULL)
    fail("the pipeline hangs");
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    GError *error = NULL;
    gchar *debug = NULL;
    gst_message_parse_error(message, &error, &debug);
    fprintf(stderr, "%s\n", debug != NULL ? debug : "");
    fail(error->message);
  }
  gst_message_unref(message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
}

/* By name, with a muxer that was made and set up by hand. */
static void record(const char *file) {
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch(
      "videotestsrc num-buffers=50 ! video/x-raw,width=160,height=90,framerate=25/1 ! "
      "x264enc bframes=2 key-int-max=25 speed-preset=ultrafast ! h264parse name=v "
      "audiotestsrc num-buffers=100 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=1 ! "
      "identity name=a",
      &error);
  if (error != NULL)
    fail(error->message);
  GstElement *muxer = gst_element_factory_make("h4mkmux", "mux");
  GstElement *sink = gst_element_factory_make("filesink", NULL);
  if (muxer == NULL || sink == NULL)
    fail("there is no h4mkmux: set GST_PLUGIN_PATH to the folder of libgstharmony.so");
  g_object_set(muxer, "meta", "{\"made\":\"in C\"}", NULL);
  g_object_set(sink, "location", file, NULL);
  gst_bin_add_many(GST_BIN(pipeline), muxer, sink, NULL);
  GstElement *video = gst_bin_get_by_name(GST_BIN(pipeline), "v");
  GstElement *audio = gst_bin_get_by_name(GST_BIN(pipeline), "a");
  GstPad *pad = gst_element_request_pad_simple(muxer, "video_%u");
  if (pad == NULL)
    fail("h4mkmux gives no video pad");
  g_object_set(pad, "track-name", "camera", NULL);
  GstPad *source = gst_element_get_static_pad(video, "src");
  if (gst_pad_link(source, pad) != GST_PAD_LINK_OK || !gst_element_link(audio, muxer) ||
      !gst_element_link(muxer, sink))
    fail("the muxer does not link");
  run(pipeline);
  gst_object_unref(source);
  gst_object_unref(pad);
  gst_object_unref(video);
  gst_object_unref(audio);
  gst_object_unref(pipeline);
}

struct counts {
  gint video, audio;
};

static void count_video(GstElement *sink, GstBuffer *buffer, GstPad *pad, struct counts *counts) {
  g_atomic_int_inc(&counts->video);
}

static void count_audio(GstElement *sink, GstBuffer *buffer, GstPad *pad, struct counts *counts) {
  g_atomic_int_inc(&counts->audio);
}

static void decoded(GstElement *bin, GstPad *pad, GstElement *pipeline) {
  struct counts *counts = g_object_get_data(G_OBJECT(pipeline), "counts");
  GstCaps *caps = gst_pad_get_current_caps(pad);
  gboolean video = g_str_has_prefix(gst_structure_get_name(gst_caps_get_structure(caps, 0)), "video");
  gst_caps_unref(caps);
  GstElement *queue = gst_element_factory_make("queue", NULL);
  GstElement *sink = gst_element_factory_make("fakesink", NULL);
  g_object_set(sink, "sync", FALSE, "signal-handoffs", TRUE, NULL);
  g_signal_connect(sink, "handoff", G_CALLBACK(video ? count_video : count_audio), counts);
  gst_bin_add_many(GST_BIN(pipeline), queue, sink, NULL);
  gst_element_link(queue, sink);
  GstPad *target = gst_element_get_static_pad(queue, "sink");
  gst_pad_link(pad, target);
  gst_object_unref(target);
  gst_element_sync_state_with_parent(sink);
  gst_element_sync_state_with_parent(queue);
}

/* With no word of H4MK: decodebin finds the demuxer itself. */
static void play(const char *file, struct counts *counts) {
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch("filesrc name=source ! decodebin name=decoder", &error);
  if (error != NULL)
    fail(error->message);
  g_object_set_data(G_OBJECT(pipeline), "counts", counts);
  GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement *decoder = gst_bin_get_by_name(GST_BIN(pipeline), "decoder");
  g_object_set(source, "location", file, NULL);
  g_signal_connect(decoder, "pad-added", G_CALLBACK(decoded), pipeline);
  run(pipeline);
  gst_object_unref(source);
  gst_object_unref(decoder);
  gst_object_unref(pipeline);
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 2)
    fail("usage: embedding FILE.h4mk");
  struct counts counts = {0, 0};
  record(argv[1]);
  play(argv[1], &counts);
  printf("%d pictures, %d audio buffers\n", counts.video, counts.audio);
  if (counts.video != FRAMES || counts.audio != PACKETS)
    fail("expected 50 pictures and 100 audio buffers");
  return 0;
}
