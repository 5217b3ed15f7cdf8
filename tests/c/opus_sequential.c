/* Decodes an Ogg Opus file from its start to its end with libopusfile and writes its samples, interleaved S16 in the
 * machine's byte order at 48 kHz, to standard output; links follow one another. Without dither, so that the samples are
 * those of the decoder. */
#include <opusfile.h>
#include <stdio.h>

/* 120 ms, the longest packet, of as many channels as there can be. */
#define LONGEST (5760 * OPUS_CHANNEL_COUNT_MAX)

static int copy(OggOpusFile *file)
{
  static opus_int16 samples[LONGEST];
  int link, count;
  for (;;) {
    count = op_read(file, samples, LONGEST, &link);
    if (count == OP_HOLE)
      continue;
    if (count <= 0)
      return count;
    if (fwrite(samples, sizeof *samples * op_channel_count(file, link), count, stdout) != (size_t)count)
      return OP_EFAULT;
  }
}

int main(int argc, char **argv)
{
  int error = 0;
  OggOpusFile *file;
  if (argc != 2) {
    fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  }
  file = op_open_file(argv[1], &error);
  if (file == NULL) {
    fprintf(stderr, "%s: libopusfile says %d\n", argv[1], error);
    return 1;
  }
  op_set_dither_enabled(file, 0);
  /* The gain of the header is a player's; what is compared is what the packets hold. */
  op_set_gain_offset(file, OP_ABSOLUTE_GAIN, 0);
  error = copy(file);
  op_free(file);
  if (error < 0)
    fprintf(stderr, "%s: libopusfile says %d\n", argv[1], error);
  return error < 0;
}
