/* ersatz.h -- tiles for a CPU that has none: instructions of AMX that trap are carried out by hand.
 *
 * ersatz_tiles() installs a handler for SIGILL that does what LDTILECFG, TILERELEASE, TILEZERO, TILELOADD,
 * TILESTORED and TDPBF16PS do, for tiles of any extents. So the kernel of micro_amx.c is tested on any
 * x86-64 with Linux, down to its encoding, addresses, and the order of its operands. Anything else that is
 * illegal stays so.
 *
 * Source: Intel SDM volume 2 (encodings, operation of each instruction); volume 1 chapter 18.
 * SPDX-License-Identifier: MIT */
#ifndef ERSATZ_H
#define ERSATZ_H

#if defined(__x86_64__) && defined(__linux__)
#define ERSATZ_TILES 1

#include <cpuid.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

static struct ersatz {
    bool configured;
    int rows[8], bytes[8];
    uint8_t tile[8][16][64];
    long count; /* instructions carried out */
} ersatz;

static uint64_t ersatz_register(const ucontext_t *context, int number)
{
    static const int place[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
        REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return (uint64_t)context->uc_mcontext.gregs[place[number]];
}

/* A three-byte VEX instruction with its operands. */
struct ersatz_instruction {
    int opcode, prefix, reg, rm, vvvv; /* prefix: 0 none, 1 66, 2 F3, 3 F2 */
    bool memory, sib;
    uint64_t address, stride; /* base and displacement; index */
    size_t length;
};

static bool ersatz_decode(
    struct ersatz_instruction *in, const uint8_t *code, const ucontext_t *context)
{
    if (code[0] != 0xC4 || (code[1] & 31) != 2 || (code[2] & 0x84) != 0)
        return false; /* VEX.128.0F38.W0 */
    const int extend_x = (code[1] & 0x40) ? 0 : 8, extend_b = (code[1] & 0x20) ? 0 : 8;
    const int mode = code[4] >> 6;
    *in = (struct ersatz_instruction){.opcode = code[3],
        .prefix = code[2] & 3,
        .reg = code[4] >> 3 & 7,
        .rm = code[4] & 7,
        .vvvv = ~(code[2] >> 3) & 15,
        .memory = mode != 3,
        .length = 5};
    if (!in->memory)
        return true;
    int base = in->rm;
    if (in->rm == 4) {
        const uint8_t sib = code[in->length++];
        const int index = (sib >> 3 & 7) + extend_x;
        in->sib = true;
        base = sib & 7;
        in->stride = index == 4 ? 0 : ersatz_register(context, index) << (sib >> 6);
    }
    const bool no_base = mode == 0 && base == 5;
    int32_t displacement = 0;
    if (mode == 1)
        displacement = (int8_t)code[in->length++];
    if (mode == 2 || no_base) {
        memcpy(&displacement, code + in->length, sizeof displacement);
        in->length += sizeof displacement;
    }
    if (!no_base)
        in->address = ersatz_register(context, base + extend_b);
    else if (!in->sib)
        in->address = (uint64_t)(uintptr_t)code + in->length;
    in->address += (uint64_t)(int64_t)displacement;
    return true;
}

static float ersatz_flushed(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

static float ersatz_operand(const uint8_t *at)
{
    const uint8_t bytes[4] = {0, 0, at[0], at[1]};
    float x;
    memcpy(&x, bytes, sizeof x);
    return ersatz_flushed(x);
}

static void ersatz_multiply(int sum, int a, int b)
{
    for (int m = 0; m < ersatz.rows[sum]; m++)
        for (int n = 0; n < ersatz.bytes[sum] / 4; n++) {
            float part[2] = {0, 0}, total;
            for (int k = 0; k < ersatz.rows[b]; k++)
                for (int i = 0; i < 2; i++)
                    part[i] = ersatz_flushed(fmaf(ersatz_operand(&ersatz.tile[a][m][4 * k + 2 * i]),
                        ersatz_operand(&ersatz.tile[b][k][4 * n + 2 * i]), part[i]));
            memcpy(&total, &ersatz.tile[sum][m][4 * n], sizeof total);
            total = ersatz_flushed(ersatz_flushed(total) + ersatz_flushed(part[0] + part[1]));
            memcpy(&ersatz.tile[sum][m][4 * n], &total, sizeof total);
        }
}

static bool ersatz_configure(const uint8_t *from)
{
    memset(&ersatz.tile, 0, sizeof ersatz.tile);
    for (int i = 0; i < 8; i++) {
        ersatz.bytes[i] = from[16 + 2 * i] + 256 * from[17 + 2 * i];
        ersatz.rows[i] = from[48 + i];
        if (ersatz.bytes[i] > 64 || ersatz.rows[i] > 16)
            return false;
    }
    ersatz.configured = from[0] == 1;
    return from[0] <= 1;
}

static void ersatz_move(const struct ersatz_instruction *in, bool store)
{
    if (!store)
        memset(ersatz.tile[in->reg], 0, sizeof ersatz.tile[in->reg]);
    for (int row = 0; row < ersatz.rows[in->reg]; row++) {
        void *const at = (void *)(uintptr_t)(in->address + (uint64_t)row * in->stride);
        void *const tile = ersatz.tile[in->reg][row];
        memcpy(store ? at : tile, store ? tile : at, (size_t)ersatz.bytes[in->reg]);
    }
}

static bool ersatz_carry_out(const struct ersatz_instruction *in)
{
    enum { NONE, OPERAND, F3, F2 };
    if (in->opcode == 0x49 && in->prefix == NONE && in->memory)
        return ersatz_configure((const uint8_t *)(uintptr_t)in->address);
    if (!ersatz.configured)
        return false;
    if (in->opcode == 0x49 && in->prefix == NONE && in->reg == 0 && in->rm == 0)
        ersatz.configured = false;
    else if (in->opcode == 0x49 && in->prefix == F2 && !in->memory)
        memset(ersatz.tile[in->reg], 0, sizeof ersatz.tile[in->reg]);
    else if (in->opcode == 0x4B && (in->prefix == F2 || in->prefix == F3) && in->sib)
        ersatz_move(in, in->prefix == F3);
    else if (in->opcode == 0x5C && in->prefix == F3 && !in->memory && in->vvvv < 8 &&
             in->reg != in->rm && in->reg != in->vvvv && in->rm != in->vvvv &&
             ersatz.bytes[in->rm] == 4 * ersatz.rows[in->vvvv])
        ersatz_multiply(in->reg, in->rm, in->vvvv);
    else
        return false;
    return true;
}

static void ersatz_handle(int number, siginfo_t *info, void *data)
{
    ucontext_t *const context = data;
    struct ersatz_instruction in;
    (void)info;
    if (ersatz_decode(&in, (const uint8_t *)context->uc_mcontext.gregs[REG_RIP], context) &&
        ersatz_carry_out(&in)) {
        context->uc_mcontext.gregs[REG_RIP] += (greg_t)in.length;
        ersatz.count++;
        return;
    }
    signal(number, SIG_DFL); /* and trap again */
}

/* Has the CPU no tiles of its own? There LDTILECFG does not trap, even if the system keeps the rest from us. */
static bool ersatz_fits(void)
{
    unsigned a, b, c, d = 0;
    return !__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d >> 24 & 1) == 0;
}

/* One thread at a time may use them. */
static void ersatz_tiles(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = ersatz_handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGILL, &action, NULL);
}

#endif
#endif
