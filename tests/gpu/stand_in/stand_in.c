/* Stand-in CUDA libraries: MXNet's GPU binary runs on a machine without a GPU, allocates for real, and computes
 * nothing.
 *
 * Every function that is not written out here is generated as one that does nothing and returns success (see build.py).
 * What the devices look like is settled by the environment:
 *
 *   STAND_IN_GPU_COUNT       devices, 2 by default
 *   STAND_IN_GPU_MIB         memory of each, 12206 by default
 *   STAND_IN_GPU_CAPABILITY  compute capability, 7.5 by default
 *   STAND_IN_GPU_BROKEN      a device, counted without CUDA_VISIBLE_DEVICES, whose kernels fail
 *   STAND_IN_GPU_THROTTLE    NVML's throttle reasons, a bit mask, 0 by default
 *   STAND_IN_GPU_ERROR       what the driver answers to every process, a number
 *   STAND_IN_GPU_STATE       a file through which processes see each other's memory, needed for that alone
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef unsigned long size;

enum { MAX_DEVICES = 8, MAX_PROCESSES = 64, MAX_BLOCKS = 65536 };
enum { SUCCESS = 0, OUT_OF_MEMORY = 2, INVALID_DEVICE = 101, NO_DEVICE = 100, LAUNCH_FAILURE = 719 };

static const size MIB = 1UL << 20, PAGE = 2UL << 20, SMALL = 1UL << 20, CONTEXT = 300UL << 20;

int mxbench_stand_in = 1; /* the mark by which mxbench knows that figures are not a GPU's */

/* --- devices --------------------------------------------------------------------------------------------------- */

static long setting(const char *name, long otherwise) {
    const char *value = getenv(name);
    return value && *value ? strtol(value, 0, 0) : otherwise;
}

static int physical_count(void) {
    long count = setting("STAND_IN_GPU_COUNT", 2);
    return count < MAX_DEVICES ? (int)count : MAX_DEVICES;
}

static int visible(int wanted, int *count) { /* device of the machine behind a number of CUDA's, -1 if there is none */
    const char *list = getenv("CUDA_VISIBLE_DEVICES");
    int found = -1, seen = 0;
    if (!list) {
        *count = physical_count();
        return wanted >= 0 && wanted < *count ? wanted : -1;
    }
    while (*list) {
        char *end;
        long device = strtol(list, &end, 10);
        if (end == list || device < 0 || device >= physical_count()) break; /* as CUDA: what follows is not visible */
        if (seen++ == wanted) found = (int)device;
        list = *end == ',' ? end + 1 : end;
    }
    *count = seen;
    return found;
}

static size capacity(void) { return (size)setting("STAND_IN_GPU_MIB", 12206) * MIB; }

static int capability(int minor) {
    const char *text = getenv("STAND_IN_GPU_CAPABILITY"), *dot;
    if (!text || !*text) text = "7.5";
    dot = strchr(text, '.');
    return minor ? (dot ? atoi(dot + 1) : 0) : atoi(text);
}

/* --- memory, seen by all processes ----------------------------------------------------------------------------- */

struct process { int pid; size large[MAX_DEVICES], small[MAX_DEVICES]; };

static struct process alone[MAX_PROCESSES], *processes, *self;
static struct { void *address; size bytes; int device; } blocks[MAX_BLOCKS];
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static void open_state(void) { /* the caller holds the guard */
    const char *path = getenv("STAND_IN_GPU_STATE");
    if (processes) return;
    processes = alone;
    if (path && *path) {
        int file = open(path, O_RDWR | O_CREAT, 0666);
        void *shared = MAP_FAILED;
        if (file >= 0 && ftruncate(file, sizeof alone) == 0)
            shared = mmap(0, sizeof alone, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (file >= 0) close(file);
        if (shared != MAP_FAILED) processes = shared;
    }
}

static int lives(int pid) { return pid && kill(pid, 0) == 0; }

static struct process *own(void) { /* the caller holds the guard */
    int pid = getpid();
    open_state();
    if (self && self->pid == pid) return self;
    for (int i = 0; i < MAX_PROCESSES; i++)
        if (processes[i].pid == pid) return self = &processes[i];
    for (int i = 0; i < MAX_PROCESSES; i++) {
        int before = processes[i].pid;
        if (!lives(before) && __sync_bool_compare_and_swap(&processes[i].pid, before, pid)) {
            memset(processes[i].large, 0, sizeof processes[i].large);
            memset(processes[i].small, 0, sizeof processes[i].small);
            return self = &processes[i];
        }
    }
    abort();
}

static size pages(size bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

static size used_by(const struct process *one, int device) { return one->large[device] + pages(one->small[device]); }

static size used(int device) { /* the caller holds the guard */
    size sum = 0;
    open_state();
    for (int i = 0; i < MAX_PROCESSES; i++)
        if (lives(processes[i].pid)) sum += used_by(&processes[i], device);
    return sum;
}

static void make_context(int device) { /* CUDA makes one at a process's first use of a device */
    if (!own()->large[device]) own()->large[device] = CONTEXT;
}

static __thread int current; /* number of CUDA's, of this thread */

static int device_now(void) {
    int count;
    return visible(current, &count);
}

int cudaGetDeviceCount(int *count) {
    visible(0, count);
    return *count ? SUCCESS : NO_DEVICE;
}

int cudaSetDevice(int number) {
    int count;
    if (visible(number, &count) < 0) return INVALID_DEVICE;
    current = number;
    return SUCCESS;
}

int cudaGetDevice(int *number) { *number = current; return SUCCESS; }

int cudaMalloc(void **address, size bytes) {
    int device = device_now(), small = bytes < SMALL, result = OUT_OF_MEMORY;
    size taken = small ? (bytes + 511) / 512 * 512 : pages(bytes);
    pthread_mutex_lock(&guard);
    make_context(device);
    if (used(device) + taken <= capacity())
        for (int i = 0; i < MAX_BLOCKS; i++)
            if (!blocks[i].address) {
                *address = mmap(0, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
                if (*address == MAP_FAILED) break;
                blocks[i].address = *address, blocks[i].bytes = taken, blocks[i].device = device;
                *(small ? &own()->small[device] : &own()->large[device]) += taken;
                result = SUCCESS;
                break;
            }
    pthread_mutex_unlock(&guard);
    return result;
}

int cudaFree(void *address) {
    pthread_mutex_lock(&guard);
    for (int i = 0; address && i < MAX_BLOCKS; i++)
        if (blocks[i].address == address) {
            size taken = blocks[i].bytes;
            *(taken < SMALL ? &own()->small[blocks[i].device] : &own()->large[blocks[i].device]) -= taken;
            munmap(address, taken);
            blocks[i].address = 0;
            break;
        }
    pthread_mutex_unlock(&guard);
    return SUCCESS;
}

int cudaMemGetInfo(size *unused, size *total) {
    int device = device_now();
    pthread_mutex_lock(&guard);
    make_context(device);
    *total = capacity();
    *unused = *total - used(device);
    pthread_mutex_unlock(&guard);
    return SUCCESS;
}

int cudaHostAlloc(void **address, size bytes) { return (*address = malloc(bytes)) ? SUCCESS : OUT_OF_MEMORY; }
int cudaFreeHost(void *address) { free(address); return SUCCESS; }

static int copy(void *to, const void *from, size bytes) {
    if (to && from) memmove(to, from, bytes);
    return SUCCESS;
}

int cudaMemcpy(void *to, const void *from, size bytes) { return copy(to, from, bytes); }
int cudaMemcpyAsync(void *to, const void *from, size bytes) { return copy(to, from, bytes); }
int cudaMemcpyPeerAsync(void *to, int there, const void *from, int here, size bytes) { return copy(to, from, bytes); }
int cudaMemcpy2DAsync(char *to, size to_pitch, const char *from, size from_pitch, size width, size height) {
    for (size row = 0; row < height; row++) copy(to + row * to_pitch, from + row * from_pitch, width);
    return SUCCESS;
}
int cudaMemsetAsync(void *to, int value, size bytes) { if (to) memset(to, value, bytes); return SUCCESS; }
int cudaDeviceCanAccessPeer(int *can) { *can = 1; return SUCCESS; }

/* --- what a device is and does --------------------------------------------------------------------------------- */

enum { THREADS_PER_BLOCK = 1, WARP = 10, MULTIPROCESSORS = 16, THREADS_PER_PROCESSOR = 39, MAJOR = 75, MINOR = 76 };

int cudaDeviceGetAttribute(int *value, int attribute) {
    switch (attribute) {
    case MAJOR: *value = capability(0); break;
    case MINOR: *value = capability(1); break;
    case WARP: *value = 32; break;
    case MULTIPROCESSORS: *value = 80; break;
    case THREADS_PER_PROCESSOR: *value = 2048; break;
    default: *value = 1024;
    }
    return SUCCESS;
}

static int launch(void) { return device_now() == setting("STAND_IN_GPU_BROKEN", -1) ? LAUNCH_FAILURE : SUCCESS; }

static __thread int last_error;

int cudaLaunchKernel(void) { return last_error = launch(); }
int cudaGetLastError(void) { int error = last_error; last_error = SUCCESS; return error; }
int cudaPeekAtLastError(void) { return last_error; }
int cudaStreamSynchronize(void) { return launch(); }

const char *cudaGetErrorString(int error) {
    return error == SUCCESS ? "no error" : error == OUT_OF_MEMORY ? "out of memory"
         : error == LAUNCH_FAILURE ? "unspecified launch failure" : "stand-in error";
}

const char *cudaGetErrorName(int error) {
    return error == OUT_OF_MEMORY ? "cudaErrorMemoryAllocation" : "cudaErrorStandIn";
}

int cudaRuntimeGetVersion(int *version) { *version = 11020; return SUCCESS; }
int cudaDriverGetVersion(int *version) { *version = 11040; return SUCCESS; }

static void *handle[64]; /* a place that handles can point to */

void *__cudaRegisterFatBinary(void) { return handle; }
int cudaStreamCreate(void **made) { *made = handle; return SUCCESS; }
int cudaEventCreateWithFlags(void **made) { *made = handle; return SUCCESS; }
int cudnnCreate(void **made) { *made = handle; return SUCCESS; }
int cublasCreate_v2(void **made) { *made = handle; return SUCCESS; }
int cusolverDnCreate(void **made) { *made = handle; return SUCCESS; }
int curandCreateGenerator(void **made) { *made = handle; return SUCCESS; }

/* --- cuDNN and NVRTC ------------------------------------------------------------------------------------------- */

enum { WORKSPACE = 1 << 20 };

size cudnnGetVersion(void) { return 8101; }
const char *cudnnGetErrorString(void) { return "stand-in cuDNN"; }
int cudnnDropoutGetStatesSize(void *cudnn, size *bytes) { *bytes = 256; return SUCCESS; }
int cudnnDropoutGetReserveSpaceSize(void *cudnn, size *bytes) { *bytes = 256; return SUCCESS; }

struct performance { int algorithm, status; float time; size memory; int determinism, math, reserved[3]; };

static int one_algorithm(int *count, struct performance *found) {
    memset(found, 0, sizeof *found);
    *count = 1, found->algorithm = 1, found->time = 1, found->memory = WORKSPACE;
    return SUCCESS;
}

#define CONVOLUTION(KIND) \
    int cudnnFindConvolution##KIND##Algorithm(void *a, void *b, void *c, void *d, void *e, int asked, int *count, \
                                              struct performance *found) { return one_algorithm(count, found); } \
    int cudnnGetConvolution##KIND##Algorithm_v7(void *a, void *b, void *c, void *d, void *e, int asked, int *count, \
                                                struct performance *found) { return one_algorithm(count, found); } \
    int cudnnGetConvolution##KIND##WorkspaceSize(void *a, void *b, void *c, void *d, void *e, int algorithm, \
                                                 size *bytes) { *bytes = WORKSPACE; return SUCCESS; } \
    int cudnnGetConvolution##KIND##AlgorithmMaxCount(void *a, int *count) { *count = 1; return SUCCESS; }

CONVOLUTION(Forward)
CONVOLUTION(BackwardData)
CONVOLUTION(BackwardFilter)

const char *nvrtcGetErrorString(void) { return "stand-in NVRTC"; }
int nvrtcGetPTXSize(void *program, size *bytes) { *bytes = 1; return SUCCESS; }
int nvrtcGetPTX(void *program, char *text) { *text = 0; return SUCCESS; }
int nvrtcGetProgramLogSize(void *program, size *bytes) { *bytes = 1; return SUCCESS; }
int nvrtcGetProgramLog(void *program, char *text) { *text = 0; return SUCCESS; }
int nvrtcGetLoweredName(void *program, const char *name, const char **lowered) { *lowered = "kernel"; return SUCCESS; }

/* --- the driver ------------------------------------------------------------------------------------------------ */

int cuInit(unsigned flags) {
    int count, error = (int)setting("STAND_IN_GPU_ERROR", 0);
    visible(0, &count);
    return error ? error : count ? SUCCESS : NO_DEVICE;
}
int cuDriverGetVersion(int *version) { return cudaDriverGetVersion(version); }
int cuDeviceGetCount(int *count) { return cudaGetDeviceCount(count); }
int cuGetErrorString(int error, const char **text) { *text = cudaGetErrorString(error); return SUCCESS; }
int cuGetErrorName(int error, const char **text) { *text = cudaGetErrorName(error); return SUCCESS; }
int cuDeviceGet(int *device, int number) {
    int count;
    *device = visible(number, &count);
    return *device < 0 ? INVALID_DEVICE : SUCCESS;
}
int cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "stand-in GPU"); return SUCCESS; }
int cuDeviceTotalMem_v2(size *bytes, int device) { *bytes = capacity(); return SUCCESS; }
int cuDeviceGetPCIBusId(char *id, int length, int device) {
    snprintf(id, length, "0000:%02X:00.0", device + 1);
    return SUCCESS;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) { return cudaDeviceGetAttribute(value, attribute); }
int cuLaunchKernel(void) { return launch(); }

/* --- NVML, which does not heed CUDA_VISIBLE_DEVICES ------------------------------------------------------------ */

enum { INSUFFICIENT_SIZE = 7, NOT_FOUND = 6 };

struct memory { unsigned long long total, unused, used; };
struct running { unsigned pid; unsigned long long bytes; unsigned instance, compute_instance; };

static int index_of(void *device) { return (int)((size)device - 1); }

int nvmlInitWithFlags(unsigned flags) { return SUCCESS; }
int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int error) { return "stand-in NVML error"; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    snprintf(text, length, "470.0-stand-in");
    return SUCCESS;
}
int nvmlDeviceGetHandleByPciBusId_v2(const char *id, void **device) {
    unsigned domain, bus;
    if (sscanf(id, "%x:%x:", &domain, &bus) != 2 || bus < 1 || bus > (unsigned)physical_count()) return NOT_FOUND;
    *device = (void *)(size)bus;
    return SUCCESS;
}
int nvmlDeviceGetName(void *device, char *name, unsigned length) { return cuDeviceGetName(name, length, 0); }
int nvmlDeviceGetClockInfo(void *device, int kind, unsigned *mhz) { *mhz = kind == 2 ? 5000 : 1500; return SUCCESS; }
int nvmlDeviceGetMaxClockInfo(void *device, int kind, unsigned *mhz) { *mhz = kind == 2 ? 5000 : 1800; return SUCCESS; }
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) { *celsius = 60; return SUCCESS; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
    *reasons = setting("STAND_IN_GPU_THROTTLE", 0);
    return SUCCESS;
}
int nvmlDeviceGetMemoryInfo(void *device, struct memory *found) {
    pthread_mutex_lock(&guard);
    found->total = capacity(), found->used = used(index_of(device)), found->unused = found->total - found->used;
    pthread_mutex_unlock(&guard);
    return SUCCESS;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, struct running *list) {
    unsigned room = list ? *count : 0, found = 0;
    pthread_mutex_lock(&guard);
    open_state();
    for (int i = 0; i < MAX_PROCESSES; i++) {
        size bytes = used_by(&processes[i], index_of(device));
        if (!bytes || !lives(processes[i].pid)) continue;
        if (found < room) list[found] = (struct running){processes[i].pid, bytes, 0, 0};
        found++;
    }
    pthread_mutex_unlock(&guard);
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}
