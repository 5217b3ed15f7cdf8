/* What the programs of the peers share: arguments, the clock, and the lines they print.
 *
 *   PROGRAM FILE POSITIONS LENGTH OUT [reopen]
 *
 * reads LENGTH samples of a channel from each of the positions (samples at 48 kHz, one a line of the file POSITIONS) and
 * writes them as interleaved S16LE to OUT ("-": nowhere). Prints the nanoseconds of opening the file, then those of each
 * position: seek and read, with `reopen` the opening included.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fail(const char *what) {
  fprintf(stderr, "peer: %s\n", what);
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* One of these per peer, over a file that it has open. */
static void peer_open(const char *path);
static void peer_read(int64_t position, int64_t length, int channels, int16_t *to);
static void peer_close(void);
/* What else there is to say, on lines of its own: a name and a number. */
static void peer_report(int64_t positions);

int main(int count, char **arguments) {
  if (count < 5)
    fail("expected FILE POSITIONS LENGTH OUT [reopen]");
  const int channels = getenv("CHANNELS") != NULL ? atoi(getenv("CHANNELS")) : 2;
  const int64_t length = atoll(arguments[3]);
  const bool reopen = count > 5 && strcmp(arguments[5], "reopen") == 0;
  FILE *positions = fopen(arguments[2], "r");
  FILE *out = strcmp(arguments[4], "-") == 0 ? NULL : fopen(arguments[4], "wb");
  int16_t *samples = calloc((size_t)(length * channels), sizeof *samples);
  if (positions == NULL || samples == NULL)
    fail("cannot read the positions");
  int64_t began = now(), position = 0, done = 0;
  peer_open(arguments[1]);
  printf("open %lld\n", (long long)(now() - began));
  while (fscanf(positions, "%lld", (long long *)&position) == 1) {
    began = now();
    if (reopen) {
      peer_close();
      peer_open(arguments[1]);
    }
    peer_read(position, length, channels, samples);
    printf("%lld\n", (long long)(now() - began));
    done++;
    if (out != NULL && fwrite(samples, sizeof *samples * channels, length, out) != (size_t)length)
      fail("cannot write");
  }
  peer_report(done);
  peer_close();
  if (out != NULL && fclose(out) != 0)
    fail("cannot write");
  return 0;
}
