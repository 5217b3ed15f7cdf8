/* Seeks with libopusfile: cc opusfile.c $(pkg-config --cflags --libs opusfile). See peer.h for its arguments. Prints as
 * well how many reads, and of how many bytes, it asks of the file for a seek and for all. */
#include "peer.h"

#include <opusfile.h>

static OggOpusFile *file;
static FILE *stream;
/* Reads and bytes: so far, and those of seeks alone. */
static int64_t reads, bytes, seek_reads, seek_bytes;

static int counted_read(void *from, unsigned char *to, int size) {
  size_t got = fread(to, 1, (size_t)size, from);
  reads++;
  bytes += (int64_t)got;
  return (int)got;
}

static int seek(void *from, opus_int64 offset, int whence) { return fseeko(from, offset, whence); }

static opus_int64 tell(void *from) { return ftello(from); }

static const OpusFileCallbacks CALLBACKS = {counted_read, seek, tell, NULL};

static void peer_open(const char *path) {
  int error = 0;
  stream = fopen(path, "rb");
  if (stream == NULL)
    fail("cannot open the file");
  file = op_open_callbacks(stream, &CALLBACKS, NULL, 0, &error);
  if (file == NULL)
    fail("not Opus");
  /* Its dither would be another in every run. */
  op_set_dither_enabled(file, 0);
}

static void peer_read(int64_t position, int64_t length, int channels, int16_t *to) {
  int64_t reads_before = reads, bytes_before = bytes;
  if (op_pcm_seek(file, position) != 0)
    fail("cannot seek");
  seek_reads += reads - reads_before;
  seek_bytes += bytes - bytes_before;
  while (length > 0) {
    int got = op_read(file, to, (int)(length * channels), NULL);
    if (got <= 0)
      fail("cannot read");
    to += (int64_t)got * channels;
    length -= got;
  }
}

static void peer_close(void) {
  op_free(file);
  fclose(stream);
}

static void peer_report(int64_t positions) {
  printf("seek-reads %.1f\nseek-bytes %.1f\nreads %.1f\nbytes %.1f\n", (double)seek_reads / positions,
         (double)seek_bytes / positions, (double)reads / positions, (double)bytes / positions);
}
