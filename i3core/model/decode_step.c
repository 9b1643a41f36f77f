/* One step of decoding as one call: token id and states in, logits and states out.

   Decoding one sequence multiplies each matrix by one vector. In Python that is a hundred small calls a token, which for
   a small network take most of the time. `native.py` loads this library, `packaging/native.py` builds it: the same
   source for several kinds of processor, whose loops the compiler turns into vector instructions. The definition is
   `network.py`; the structures below are those of `native.py`.

   The calling thread goes from product to product. Of each product, and of attention, all threads take parts until none is
   left: a thread that another program keeps from its core takes none, and is not waited for. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__AVX512VNNI__)
#include <immintrin.h>
#endif

enum { FLOAT32, INT8, INT4 };
enum { MOST_THREADS = 8, GROUP = 64, SPINS = 4000, PART = 32 /* rows at least */ };

/* y = values x + bias. values: (rows, cols) float32; or int8 with one scale a row; or int4, see `dot_int4`. */
typedef struct {
    const void *values;
    const float *scale, *bias;
    int64_t rows, cols, stride, kind; /* stride: bytes from a row to the next */
} Matrix;

typedef struct {
    const float *ln1_weight, *ln1_bias, *ln2_weight, *ln2_bias;
    const float *w_mix, *A, *B, *C, *D; /* of an RWKV-Mamba block; NULL in an attention block */
    Matrix qkv, out, widen, narrow;
} Block;

typedef struct {
    int64_t d_model, d_state, heads, width, window, blocks, threads;
    double eps;
    const float *embed, *positions, *ln_f_weight, *ln_f_bias;
    Matrix head;
    const Block *block;
} Network;

/* Of an attention block: keys, values (heads, window, head_dim), written at `position`. Of another: h and s. */
typedef struct {
    float *keys, *values;
    const float *h, *s;
    float *h_after, *s_after;
} State;

/* What the threads work on: y = m x + bias, then GELU if `gelu`; or attention, if `m` is NULL. */
typedef struct {
    const Matrix *m;
    const float *x;
    float *y;
    const State *state;
    int64_t part; /* rows, or heads, that are taken at once */
    int gelu;
} Job;

typedef struct {
    Network net;
    float *x, *y, *qkv, *mixed, *wide;
    float *scores[MOST_THREADS];
    int8_t *codes; /* x of a quantized product: int8, with a scale for each GROUP */
    float *scales;
    int position;
    Job job;
    /* The number of the job, its parts, and the next part: 32, 16 and 16 bits, in one number so that they change at once. */
    _Atomic uint64_t claims;
    atomic_int done; /* parts of this job */
    atomic_int stopping, asleep;
    pthread_mutex_t one_call, sleeping;
    pthread_cond_t wake;
    pthread_t thread[MOST_THREADS];
    struct Start { void *decoder; int number; } start[MOST_THREADS];
} Decoder;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* ------------------------------------------------------------------------------------------------ small functions */

static inline int nearest(float x) { return (int)(x + (x < 0 ? -0.5f : 0.5f)); }

/* e^x to 2 units in the last place, for x up to 88: e^x = 2^n e^f with |f| <= ln(2)/2, and a polynomial for e^f. */
static inline float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    int n = nearest(x * 1.44269504f);
    float f = x - n * 0.693145752f - n * 1.42860677e-6f;
    float p = 1 + f * (1 + f * (0.5f + f * (1 / 6.0f + f * (1 / 24.0f + f * (1 / 120.0f + f * (1 / 720.0f))))));
    union { int32_t bits; float value; } power = {(n + 127) << 23};
    return p * power.value;
}

/* The error function to 1.5e-7 (Abramowitz and Stegun 7.1.26). */
static inline float error_function(float x) {
    float a = x < 0 ? -x : x, t = 1 / (1 + 0.3275911f * a);
    float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    float r = 1 - p * exponential(-a * a);
    return x < 0 ? -r : r;
}

static void layer_norm(const float *x, const float *weight, const float *bias, double eps, float *y, int64_t n) {
    float sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    float mean = sum / n;
    for (int64_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    float factor = 1 / __builtin_sqrtf(squares / n + (float)eps);
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * factor * weight[i] + bias[i];
}

/* ------------------------------------------------------------------------------------------------------- products */

static inline float dot(const float *restrict a, const float *restrict b, int64_t n) {
    float sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* Products of rows `first` to `last` of a (rows, cols) matrix; four at a time hide the latency of additions. */
static void rows_float32(const float *values, const float *restrict x, float *y, int64_t cols, int64_t first,
                         int64_t last) {
    int64_t row = first;
    for (; row + 4 <= last; row += 4) {
        const float *restrict a = values + row * cols, *restrict b = a + cols, *restrict c = b + cols, *restrict d = c + cols;
        float p = 0, q = 0, r = 0, s = 0;
        for (int64_t i = 0; i < cols; i++) {
            p += a[i] * x[i];
            q += b[i] * x[i];
            r += c[i] * x[i];
            s += d[i] * x[i];
        }
        y[row] = p, y[row + 1] = q, y[row + 2] = r, y[row + 3] = s;
    }
    for (; row < last; row++) y[row] = dot(values + row * cols, x, cols);
}

/* x as int8, with a scale for each GROUP. */
static void to_codes(const float *x, int64_t n, int8_t *codes, float *scales) {
    for (int64_t g = 0; g < n / GROUP; g++, x += GROUP, codes += GROUP) {
        float most = 0;
        for (int i = 0; i < GROUP; i++) {
            float a = x[i] < 0 ? -x[i] : x[i];
            most = a > most ? a : most;
        }
        scales[g] = most / 127;
        float inverse = most > 0 ? 127 / most : 0;
        for (int i = 0; i < GROUP; i++) codes[i] = (int8_t)nearest(x[i] * inverse);
    }
}

/* `count` rows of int8 weights by coded x, up to four: sums into y. */
static inline void rows_int8(int count, const int8_t *values, int64_t stride, const int8_t *codes, const float *scales,
                             int64_t groups, float *y) {
#if defined(__AVX512VNNI__)
    /* The instruction multiplies unsigned by signed bytes: 128 is added to the weights, and taken off in `surplus`. */
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    __m512 surplus = _mm512_setzero_ps();
    for (int64_t g = 0; g < groups; g++) {
        __m512i x = _mm512_loadu_si512(codes + g * GROUP);
        __m512 scale = _mm512_set1_ps(scales[g]);
        surplus = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), flip, x)), scale, surplus);
        for (int r = 0; r < count; r++) {
            __m512i w = _mm512_xor_si512(_mm512_loadu_si512(values + r * stride + g * GROUP), flip);
            __m512 part = _mm512_cvtepi32_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), w, x));
            sum[r] = _mm512_fmadd_ps(part, scale, sum[r]);
        }
    }
    for (int r = 0; r < count; r++) y[r] = _mm512_reduce_add_ps(_mm512_sub_ps(sum[r], surplus));
#else
    for (int r = 0; r < count; r++, values += stride) {
        y[r] = 0;
        for (int64_t g = 0; g < groups; g++) {
            int32_t sum = 0;
            for (int i = 0; i < GROUP; i++) sum += (int16_t)values[g * GROUP + i] * (int16_t)codes[g * GROUP + i];
            y[r] += sum * scales[g];
        }
    }
#endif
}

/* The same of int4 weights. A GROUP is 32 bytes: in byte i the numbers i (low half) and i + 32, each + 8;
   `weight_scales` has a scale for each GROUP of each row. */
static inline void rows_int4(int count, const uint8_t *values, int64_t stride, const float *weight_scales, const int8_t *codes,
                             const float *scales, int64_t groups, float *y) {
    for (int r = 0; r < count; r++, values += stride, weight_scales += groups) {
#if defined(__AVX512VNNI__)
        const __m256i low = _mm256_set1_epi8(15), eight = _mm256_set1_epi8(8);
        __m256 total = _mm256_setzero_ps();
        for (int64_t g = 0; g < groups; g++) {
            __m256i w = _mm256_loadu_si256((const __m256i *)(values + g * GROUP / 2));
            __m256i x = _mm256_loadu_si256((const __m256i *)(codes + g * GROUP));
            __m256i z = _mm256_loadu_si256((const __m256i *)(codes + g * GROUP + GROUP / 2));
            __m256i sum = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_and_si256(w, low), x);
            sum = _mm256_dpbusd_epi32(sum, _mm256_and_si256(_mm256_srli_epi16(w, 4), low), z);
            __m256i surplus = _mm256_dpbusd_epi32(_mm256_setzero_si256(), eight, x);
            sum = _mm256_sub_epi32(sum, _mm256_dpbusd_epi32(surplus, eight, z));
            total = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(weight_scales[g] * scales[g]), total);
        }
        __m128 half = _mm_add_ps(_mm256_castps256_ps128(total), _mm256_extractf128_ps(total, 1));
        half = _mm_add_ps(half, _mm_movehl_ps(half, half));
        y[r] = _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
#else
        y[r] = 0;
        for (int64_t g = 0; g < groups; g++) {
            const uint8_t *w = values + g * GROUP / 2;
            const int8_t *x = codes + g * GROUP;
            int32_t sum = 0;
            for (int i = 0; i < GROUP / 2; i++)
                sum += (int16_t)((w[i] & 15) - 8) * (int16_t)x[i] + (int16_t)((w[i] >> 4) - 8) * (int16_t)x[i + GROUP / 2];
            y[r] += sum * (weight_scales[g] * scales[g]);
        }
#endif
    }
}

static inline void rows_coded(int count, const Decoder *d, const Matrix *m, int64_t row, float *y) {
    const void *values = (const char *)m->values + row * m->stride;
    int64_t groups = m->cols / GROUP;
    if (m->kind == INT8) {
        rows_int8(count, values, m->stride, d->codes, d->scales, groups, y + row);
        for (int r = 0; r < count; r++) y[row + r] *= m->scale[row + r];
    } else rows_int4(count, values, m->stride, m->scale + row * groups, d->codes, d->scales, groups, y + row);
}

static void part_of_product(const Decoder *d, const Job *job, int64_t first, int64_t last) {
    const Matrix *m = job->m;
    float *restrict y = job->y;
    if (m->kind == FLOAT32) rows_float32(m->values, job->x, y, m->cols, first, last);
    else {
        int64_t row = first;
        for (; row + 4 <= last; row += 4) rows_coded(4, d, m, row, y);
        for (; row < last; row++) rows_coded(1, d, m, row, y);
    }
    if (m->bias)
        for (int64_t row = first; row < last; row++) y[row] += m->bias[row];
    if (job->gelu)
        for (int64_t row = first; row < last; row++) y[row] *= 0.5f + 0.5f * error_function(y[row] * 0.70710678f);
}

/* d->mixed = the values of these heads, weighted by softmax(keys q / sqrt(head_dim)). */
static void part_of_attention(const Decoder *d, const Job *job, int64_t first, int64_t last, float *restrict scores) {
    int64_t D = d->net.d_model, size = D / d->net.heads, room = d->net.window * size, count = d->position + 1;
    float factor = 1 / __builtin_sqrtf((float)size);
    for (int64_t head = first; head < last; head++) {
        const float *q = d->qkv + head * size;
        float *keys = job->state->keys + head * room, *values = job->state->values + head * room;
        memcpy(keys + d->position * size, q + D, size * sizeof *q);
        memcpy(values + d->position * size, q + 2 * D, size * sizeof *q);
        rows_float32(keys, q, scores, size, 0, count);
        float most = scores[0], total = 0, *restrict y = job->y + head * size;
        for (int64_t i = 1; i < count; i++) most = scores[i] > most ? scores[i] : most;
        for (int64_t i = 0; i < count; i++) scores[i] = exponential((scores[i] - most) * factor);
        for (int64_t i = 0; i < count; i++) total += scores[i];
        memset(y, 0, size * sizeof *y);
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = 0; j < size; j++) y[j] += scores[i] * values[i * size + j];
        for (int64_t j = 0; j < size; j++) y[j] /= total;
    }
}

/* -------------------------------------------------------------------------------------------------------- threads */

static int64_t job_size(const Decoder *d) { return d->job.m ? d->job.m->rows : d->net.heads; }

/* Take a part of the job and do it; 0 if none is left. */
static int do_part(Decoder *d, int number) {
    uint64_t seen = atomic_load_explicit(&d->claims, memory_order_relaxed);
    if ((seen & 0xffff) >= (seen >> 16 & 0xffff)) return 0;
    seen = atomic_fetch_add_explicit(&d->claims, 1, memory_order_acquire);
    if ((seen & 0xffff) >= (seen >> 16 & 0xffff)) return 0;
    int64_t first = (seen & 0xffff) * d->job.part, end = first + d->job.part, size = job_size(d);
    if (end > size) end = size;
    if (d->job.m) part_of_product(d, &d->job, first, end);
    else part_of_attention(d, &d->job, first, end, d->scores[number]);
    atomic_fetch_add_explicit(&d->done, 1, memory_order_release);
    return 1;
}

/* Do a job with all threads that have time. It is done at the end. */
static void do_job(Decoder *d, Job job) {
    d->job = job;
    int64_t size = job_size(d), part = job.m ? PART : 1, wanted = 4 * d->net.threads;
    if (d->net.threads == 1) part = size;
    else if (size > part * wanted) part = ((size + wanted - 1) / wanted + 15) / 16 * 16;
    d->job.part = part;
    uint64_t parts = (size + part - 1) / part, before = atomic_load_explicit(&d->claims, memory_order_relaxed);
    atomic_store_explicit(&d->done, 0, memory_order_relaxed);
    atomic_store_explicit(&d->claims, ((before >> 32) + 1) << 32 | parts << 16, memory_order_release);
    while (do_part(d, 0)) {}
    for (int spins = 0; atomic_load_explicit(&d->done, memory_order_acquire) < (int)parts; spins++) {
        if (spins < SPINS) pause_briefly();
        else sched_yield(); /* to a thread that was interrupted in the middle of a part */
    }
}

static void *help(void *start) {
    Decoder *d = ((struct Start *)start)->decoder;
    int number = ((struct Start *)start)->number, spins = 0;
    while (!atomic_load_explicit(&d->stopping, memory_order_relaxed)) {
        uint64_t seen = atomic_load_explicit(&d->claims, memory_order_relaxed);
        if (do_part(d, number)) spins = 0;
        else if (++spins < SPINS) pause_briefly();
        else {
            pthread_mutex_lock(&d->sleeping);
            atomic_fetch_add(&d->asleep, 1);
            while (atomic_load(&d->claims) >> 32 == seen >> 32 && !atomic_load(&d->stopping))
                pthread_cond_wait(&d->wake, &d->sleeping);
            atomic_fetch_sub(&d->asleep, 1);
            pthread_mutex_unlock(&d->sleeping);
            spins = 0;
        }
    }
    return NULL;
}

static void wake_helpers(Decoder *d) {
    pthread_mutex_lock(&d->sleeping);
    pthread_cond_broadcast(&d->wake);
    pthread_mutex_unlock(&d->sleeping);
}

/* ----------------------------------------------------------------------------------------------------------- step */

static void product(Decoder *d, const Matrix *m, const float *x, float *y, int gelu) {
    if (m->kind != FLOAT32) to_codes(x, m->cols, d->codes, d->scales);
    do_job(d, (Job){.m = m, .x = x, .y = y, .gelu = gelu});
}

/* x += C s + D h, with h = w_mix h + (1 - w_mix) y and s = A s + B y. */
static void mix_recurrent(Decoder *d, const Block *block, const State *state) {
    int64_t D = d->net.d_model, N = d->net.d_state;
    float *restrict x = d->x, *restrict y = d->y, *restrict s = state->s_after, *restrict h = state->h_after;
    rows_float32(block->B, y, s, D, 0, N);
    for (int64_t i = 0; i < N; i++) s[i] += dot(block->A + i * N, state->s, N);
    for (int64_t i = 0; i < D; i++) h[i] = y[i] + block->w_mix[i] * (state->h[i] - y[i]);
    rows_float32(block->C, s, y, N, 0, D);
    for (int64_t i = 0; i < D; i++) x[i] += y[i] + block->D[i] * h[i];
}

static void decode(Decoder *d, int64_t token, const State *states, float *logits) {
    const Network *net = &d->net;
    int64_t D = net->d_model;
    float *restrict x = d->x, *restrict y = d->y;
    for (int64_t i = 0; i < D; i++) x[i] = net->embed[token * D + i] + net->positions[d->position * D + i];
    for (int64_t i = 0; i < net->blocks; i++) {
        const Block *block = &net->block[i];
        layer_norm(x, block->ln1_weight, block->ln1_bias, net->eps, y, D);
        if (block->w_mix) mix_recurrent(d, block, &states[i]);
        else {
            product(d, &block->qkv, y, d->qkv, 0);
            do_job(d, (Job){.state = &states[i], .y = d->mixed});
            product(d, &block->out, d->mixed, y, 0);
            for (int64_t j = 0; j < D; j++) x[j] += y[j];
        }
        layer_norm(x, block->ln2_weight, block->ln2_bias, net->eps, y, D);
        product(d, &block->widen, y, d->wide, 1);
        product(d, &block->narrow, d->wide, y, 0);
        for (int64_t j = 0; j < D; j++) x[j] += y[j];
    }
    layer_norm(x, net->ln_f_weight, net->ln_f_bias, net->eps, y, D);
    product(d, &net->head, y, logits, 0);
}

/* What is exported begins with i3_. The weights that `net` points to stay the caller's, and must stay. */

void i3_free(void *decoder) {
    Decoder *d = decoder;
    atomic_store(&d->stopping, 1);
    wake_helpers(d);
    for (int i = 1; i < d->net.threads; i++) pthread_join(d->thread[i], NULL);
    free((void *)d->net.block);
    free(d->x);
    free(d);
}

/* A decoder for a network, or NULL if there is not enough memory. Fewer threads than asked for may be used. */
void *i3_new(const Network *net) {
    int64_t D = net->d_model, most = net->width > D ? net->width : D, threads = net->threads;
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    Decoder *d = calloc(1, sizeof *d);
    Block *blocks = malloc(net->blocks * sizeof *blocks);
    float *room = malloc((6 * D + net->width + most + threads * net->window) * sizeof *room + most);
    if (!d || !blocks || !room) return free(d), free(blocks), free(room), NULL;
    memcpy(blocks, net->block, net->blocks * sizeof *blocks);
    d->net = *net;
    d->net.block = blocks;
    d->net.threads = 1;
    d->x = room, d->y = d->x + D, d->qkv = d->y + D, d->mixed = d->qkv + 3 * D, d->wide = d->mixed + D;
    d->scales = d->wide + net->width;
    for (int i = 0; i < threads; i++) d->scores[i] = d->scales + most + i * net->window;
    d->codes = (int8_t *)(d->scales + most + threads * net->window);
    pthread_mutex_init(&d->one_call, NULL);
    pthread_mutex_init(&d->sleeping, NULL);
    pthread_cond_init(&d->wake, NULL);
    for (int i = 1; i < threads; i++) {
        d->start[i] = (struct Start){d, i};
        if (pthread_create(&d->thread[i], NULL, help, &d->start[i])) break;
        d->net.threads = i + 1;
    }
    return d;
}

/* Read `token` at `position`: logits (vocabulary,) after it; `states` has one entry a block. */
void i3_step(void *decoder, int64_t token, int64_t position, const State *states, float *logits) {
    Decoder *d = decoder;
    pthread_mutex_lock(&d->one_call);
    d->position = (int)position;
    if (atomic_load(&d->asleep)) {
        atomic_fetch_add(&d->claims, (uint64_t)1 << 32); /* a job without parts left: what sleeping threads look at */
        wake_helpers(d);
    }
    decode(d, token, states, logits);
    pthread_mutex_unlock(&d->one_call);
}

/* Whether this processor can run the library compiled for `kind`, a number of `native.KINDS`, and the caller's structures
   have the sizes of these. */
int i3_supports(int kind, int matrix, int block, int network) {
    if (matrix != sizeof(Matrix) || block != sizeof(Block) || network != sizeof(Network)) return 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    return kind == 0 || (kind == 1 && avx2) || (kind == 2 && avx512) ||
           (kind == 3 && avx512 && __builtin_cpu_supports("avx512vnni"));
#else
    return kind == 0;
#endif
}
