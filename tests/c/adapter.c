/* An adapter in C: the handlers of adaptersink's signals keep a state of their own for each group of pictures.
 *
 *   cc adapter.c -o adapter $(pkg-config --cflags --libs gstreamer-1.0)
 *   GST_PLUGIN_PATH=build ./adapter
 */
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES 50
#define GROUP 10

/* The state: any GstObject. This one has counted the blocks of its group. */
typedef struct {
  GstObject parent;
  guint blocks;
  guint64 bytes;
} State;

typedef struct {
  GstObjectClass parent_class;
} StateClass;

static GType state_get_type(void);
G_DEFINE_TYPE(State, state, GST_TYPE_OBJECT)

/* How many states there are. */
static gint states;

static void state_init(State *state) { g_atomic_int_inc(&states); }

static void state_finalize(GObject *object) {
  g_atomic_int_add(&states, -1);
  G_OBJECT_CLASS(state_parent_class)->finalize(object);
}

static void state_class_init(StateClass *class) {
  G_OBJECT_CLASS(class)->finalize = state_finalize;
}

static void fail(const char *what) {
  fprintf(stderr, "adapter: %s\n", what);
  exit(1);
}

static void take(State *state, GstSample *block) {
  state->blocks += 1;
  state->bytes += gst_buffer_get_size(gst_sample_get_buffer(block));
}

/* A key block: a new state. The caller gets the reference that is returned. */
static GstObject *decode_i(GstElement *sink, GstSample *block, gpointer data) {
  State *state = gst_object_ref_sink(g_object_new(state_get_type(), NULL));
  take(state, block);
  return GST_OBJECT(state);
}

/* A block that builds on it: the same state, changed, or another one. NULL is an error. */
static GstObject *apply_p(GstElement *sink, GstObject *object, GstSample *block, gpointer data) {
  guint *refused = data;
  State *state = (State *)object;
  take(state, block);
  if (refused != NULL && state->blocks > *refused)
    return NULL;
  return gst_object_ref(object);
}

/* The result of a state: a sample. */
static GstSample *finalize(GstElement *sink, GstObject *object, gpointer data) {
  State *state = (State *)object;
  guint32 *result = g_new(guint32, 2);
  result[0] = state->blocks;
  result[1] = state->bytes;
  GstBuffer *buffer = gst_buffer_new_wrapped(result, 2 * sizeof *result);
  GstCaps *caps = gst_caps_new_empty_simple("application/x-counts");
  GstSample *sample = gst_sample_new(buffer, caps, NULL, NULL);
  gst_buffer_unref(buffer);
  gst_caps_unref(caps);
  return sample;
}

static GstElement *launch(GstElement **sink) {
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch(
      "videotestsrc num-buffers=50 ! video/x-raw,width=160,height=90,framerate=25/1 ! "
      "x264enc bframes=2 key-int-max=10 option-string=scenecut=0 speed-preset=ultrafast ! h264parse name=parse ! "
      "adaptersink name=sink adapter=signals",
      &error);
  if (error != NULL)
    fail(error->message);
  *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_signal_connect(*sink, "decode-i", G_CALLBACK(decode_i), NULL);
  g_signal_connect(*sink, "finalize", G_CALLBACK(finalize), NULL);
  return pipeline;
}

static GstPadProbeReturn count(GstPad *pad, GstPadProbeInfo *info, gpointer bytes) {
  *(guint64 *)bytes += gst_buffer_get_size(GST_PAD_PROBE_INFO_BUFFER(info));
  return GST_PAD_PROBE_OK;
}

/* One output: a group's counts at the time of its first picture. Gives its bytes. */
static guint32 check(GstSample *output, guint group) {
  GstBuffer *buffer = gst_sample_get_buffer(output);
  const GstStructure *info = gst_sample_get_info(output);
  const GstStructure *caps = gst_caps_get_structure(gst_sample_get_caps(output), 0);
  guint64 index, blocks, lost;
  guint32 counts[2];
  if (!gst_structure_has_name(caps, "application/x-counts"))
    fail("an output has other caps than its sample");
  if (!gst_structure_get_uint64(info, "index", &index) || !gst_structure_get_uint64(info, "blocks", &blocks) ||
      !gst_structure_get_uint64(info, "lost", &lost))
    fail("an output does not say its index, blocks and losses");
  if (gst_buffer_extract(buffer, 0, counts, sizeof counts) != sizeof counts)
    fail("an output is too short");
  if (index != group || GST_BUFFER_OFFSET(buffer) != group || blocks != GROUP || counts[0] != GROUP || lost != 0)
    fail("an output is not of a whole group");
  return counts[1];
}

/* All groups, pulled by the application's thread. */
static void pull(void) {
  GstElement *sink;
  GstElement *pipeline = launch(&sink);
  GstElement *parser = gst_bin_get_by_name(GST_BIN(pipeline), "parse");
  GstPad *pad = gst_element_get_static_pad(parser, "src");
  GstClockTime before = GST_CLOCK_TIME_NONE;
  guint64 sent = 0, received = 0, decoded = 0;
  GstSample *output = NULL;
  guint groups = 0;
  GstStructure *stats = NULL;
  g_signal_connect(sink, "apply-p", G_CALLBACK(apply_p), NULL);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count, &sent, NULL);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  while (g_signal_emit_by_name(sink, "pull-output", &output), output != NULL) {
    GstClockTime pts = GST_BUFFER_PTS(gst_sample_get_buffer(output));
    received += check(output, groups);
    if (groups > 0 && pts - before != GROUP * GST_SECOND / 25)
      fail("a group does not begin when its first picture does");
    before = pts;
    groups += 1;
    gst_sample_unref(output);
    output = NULL;
  }
  g_object_get(sink, "stats", &stats, NULL);
  if (!gst_structure_get_uint64(stats, "decoded", &decoded) || decoded != FRAMES)
    fail("the statistics count other blocks than there are");
  gst_structure_free(stats);
  if (groups != FRAMES / GROUP || received != sent)
    fail("outputs are missing");
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pad);
  gst_object_unref(parser);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
}

/* A handler that returns nothing: the pipeline ends with an error that says which. */
static void refuse(void) {
  GstElement *sink;
  GstElement *pipeline = launch(&sink);
  GstBus *bus = gst_element_get_bus(pipeline);
  GError *error = NULL;
  guint most = 3;
  gst_util_set_object_arg(G_OBJECT(sink), "on-error", "fail");
  g_signal_connect(sink, "apply-p", G_CALLBACK(apply_p), &most);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus, 120 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (message == NULL || GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR)
    fail("a handler that returns nothing is no error");
  gchar *debug = NULL;
  gst_message_parse_error(message, &error, &debug);
  if (GST_MESSAGE_SRC(message) != GST_OBJECT(sink) ||
      (strstr(error->message, "apply-p") == NULL && (debug == NULL || strstr(debug, "apply-p") == NULL)))
    fail(error->message);
  g_error_free(error);
  g_free(debug);
  gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  pull();
  refuse();
  if (g_atomic_int_get(&states) != 0)
    fail("states are left over");
  printf("%d groups of %d blocks\n", FRAMES / GROUP, GROUP);
  return 0;
}
