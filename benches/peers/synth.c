/* Makes sound like music, the same in every run: cc synth.c -lm; synth SECONDS writes stereo S16LE at 48 kHz to stdout.
 *
 * Five plucked voices with eight harmonics each, at places of their own between left and right, and bursts of noise as
 * drums. It is never silent and never the same twice, so that an encoder has to work and a decoder has a past.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define RATE 48000
#define VOICES 5
#define HARMONICS 8
#define BEAT (RATE / 4)

typedef struct {
  /* A rotation for each harmonic: its sine and cosine now, and those of a step. */
  double sine[HARMONICS], cosine[HARMONICS], step_sine[HARMONICS], step_cosine[HARMONICS];
  double level, decay, left, right;
} Voice;

static uint64_t state = 1;

static double chance(void) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (double)(state >> 11) / (double)(UINT64_C(1) << 53);
}

static void pluck(Voice *voice, int number) {
  static const int SCALE[] = {0, 2, 4, 7, 9, 12, 14, 16};
  double note = number == 0 ? SCALE[(int)(chance() * 4)] - 24 : SCALE[(int)(chance() * 8)] + 12 * (number % 2);
  double hertz = 220 * pow(2, note / 12) * (1 + 0.002 * chance());
  for (int h = 0; h < HARMONICS; h++) {
    double phase = 2 * M_PI * chance(), angle = 2 * M_PI * hertz * (h + 1) / RATE;
    voice->sine[h] = sin(phase) / (h + 1);
    voice->cosine[h] = cos(phase) / (h + 1);
    voice->step_sine[h] = sin(angle);
    voice->step_cosine[h] = cos(angle);
  }
  voice->level = 0.1 + 0.1 * chance();
  voice->decay = exp(-1 / (RATE * (0.2 + 1.5 * chance())));
  voice->left = chance();
  voice->right = 1 - voice->left;
}

static double next(Voice *voice) {
  double sum = 0;
  for (int h = 0; h < HARMONICS; h++) {
    double sine = voice->sine[h], cosine = voice->cosine[h];
    sum += sine;
    voice->sine[h] = sine * voice->step_cosine[h] + cosine * voice->step_sine[h];
    voice->cosine[h] = cosine * voice->step_cosine[h] - sine * voice->step_sine[h];
  }
  voice->level *= voice->decay;
  return sum * voice->level;
}

static int16_t clipped(double sample) { return (int16_t)(32767 * fmax(-1, fmin(1, sample))); }

int main(int count, char **arguments) {
  Voice voices[VOICES];
  int64_t samples = (count > 1 ? atoll(arguments[1]) : 10) * RATE;
  double drum = 0, drum_left = 0;
  for (int v = 0; v < VOICES; v++)
    pluck(&voices[v], v);
  for (int64_t n = 0; n < samples; n++) {
    if (n % BEAT == 0) {
      pluck(&voices[(int)(chance() * VOICES)], (int)(chance() * VOICES));
      drum = chance() < 0.6 ? 0.3 * chance() : drum;
      drum_left = chance();
    }
    double left = 0, right = 0;
    for (int v = 0; v < VOICES; v++) {
      double sound = next(&voices[v]);
      left += sound * voices[v].left;
      right += sound * voices[v].right;
    }
    double noise = chance() - 0.5;
    drum *= 0.9997;
    int16_t frame[2] = {clipped(left + noise * (0.004 + drum * drum_left)),
                        clipped(right + noise * drum * (1 - drum_left) + 0.004 * (chance() - 0.5))};
    if (fwrite(frame, sizeof frame, 1, stdout) != 1)
      return 1;
  }
  return 0;
}
