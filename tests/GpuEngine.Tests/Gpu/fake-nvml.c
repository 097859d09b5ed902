/* The part of libnvidia-ml.so.1 that the engine uses: two GPUs, one MIG device, what the test says. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile int hanging, lost;
void fake_set(int hang, int lose) { hanging = hang; lost = lose; }

int nvmlInit_v2(void)
{
#ifdef NO_DRIVER
    return 9;
#else
    return 0;
#endif
}
const char *nvmlErrorString(int status) { return status == 9 ? "Driver Not Loaded" : status == 15 ? "GPU is lost" : "Other"; }
int nvmlDeviceGetCount_v2(unsigned *count)
{
    while (hanging) usleep(10000);
    *count = 2;
    return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(uintptr_t)(index + 1); return 0; }
int nvmlDeviceGetHandleByUUID(const char *uuid, void **device)
{
    *device = (void *)(uintptr_t)3;
    return strcmp(uuid, "MIG-cc") == 0 ? 0 : 6;
}
int nvmlDeviceGetName(void *device, char *name, unsigned length) { snprintf(name, length, "Fake %d", (int)(uintptr_t)device); return 0; }
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length)
{
    snprintf(uuid, length, device == (void *)(uintptr_t)1 ? "GPU-aa" : "GPU-bb");
    return 0;
}
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory)
{
    if (lost && device == (void *)(uintptr_t)1) return 15;
    memory[0] = 16ull << 30, memory[1] = 12ull << 30, memory[2] = 4ull << 30;
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *device, unsigned *rates)
{
    if (device == (void *)(uintptr_t)3) return 3;
    rates[0] = 37, rates[1] = 5;
    return 0;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) { *celsius = 41 + sensor; return 0; }
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { *milliwatts = 123456; return 0; }
