/* SPDX-License-Identifier: MIT */
/*
 * One APDU in, one out: finds the command, keeps the last error code (object
 * 0xF1C2) and the rules of when which command is available. The commands
 * themselves are in the cmd_ files.
 */
#include <string.h>

#include "chip.h"

struct command {
    uint8_t code;
    const char *name;
    cleat_sim_handler *run;
};

static const struct command commands[] = {
    {0x01, "GetDataObject", cleat_sim_cmd_get},
    {0x02, "SetDataObject", cleat_sim_cmd_set},
    {0x03, "SetObjectProtected", cleat_sim_cmd_protected},
    {0x0C, "GetRandom", cleat_sim_cmd_random},
    {0x14, "EncryptSym", cleat_sim_cmd_encsym},
    {0x15, "DecryptSym", cleat_sim_cmd_decsym},
    {0x1E, "EncryptAsym", cleat_sim_cmd_encasym},
    {0x1F, "DecryptAsym", cleat_sim_cmd_decasym},
    {0x30, "CalcHash", cleat_sim_cmd_hash},
    {0x31, "CalcSign", cleat_sim_cmd_sign},
    {0x32, "VerifySign", cleat_sim_cmd_verify},
    {0x33, "CalcSSec", cleat_sim_cmd_ssec},
    {0x34, "DeriveKey", cleat_sim_cmd_derive},
    {0x38, "GenKeyPair", cleat_sim_cmd_keypair},
    {0x39, "GenSymKey", cleat_sim_cmd_symkey},
    {0x70, "OpenApplication", cleat_sim_cmd_open},
    {0x71, "CloseApplication", cleat_sim_cmd_close},
};

/* Not there before V3. */
static bool is_new(const struct command *c) {
    return c->code == 0x14 || c->code == 0x15 || c->code == 0x39;
}

static const struct command *find(uint8_t cmd) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].code == (cmd & 0x7F)) {
            return &commands[i];
        }
    }
    return NULL;
}

const char *cleat_sim_command_name(uint8_t cmd) {
    const struct command *c = find(cmd);
    return c == NULL ? "unknown command" : c->name;
}

bool cleat_sim_command_tlv(struct cleat_reader *r, uint8_t tag,
                           struct cleat_bytes *value) {
    struct cleat_reader ahead = *r;
    if (cleat_read_u8(&ahead) != tag || ahead.failed) {
        return false;
    }
    *value = cleat_read_bytes(&ahead, cleat_read_u16(&ahead));
    *r = ahead;
    return !ahead.failed;
}

bool cleat_sim_command_tlv16(struct cleat_reader *r, uint8_t tag,
                             uint16_t *value) {
    struct cleat_bytes bytes;
    if (!cleat_sim_command_tlv(r, tag, &bytes)) {
        return false;
    }
    struct cleat_reader inner = cleat_reader_of(bytes);
    *value = cleat_read_u16(&inner);
    r->failed = inner.failed || cleat_reader_left(&inner) != 0;
    return !r->failed;
}

int cleat_sim_command_end(const struct cleat_reader *r) {
    if (r->failed) {
        return SIM_E_LENGTH;
    }
    return cleat_reader_left(r) == 0 ? SIM_OK : SIM_E_DATA;
}

void cleat_sim_command_put(struct cleat_writer *w, uint8_t tag,
                           struct cleat_bytes value) {
    cleat_write_u8(w, tag);
    cleat_write_u16(w, (uint16_t)value.len);
    cleat_write_bytes(w, value);
}

/* Before OpenApplication, after CloseApplication and after the end of the
 * global life cycle nothing but OpenApplication is there. */
static bool available(struct cleat_sim *s, const struct command *c) {
    if (cleat_sim_objects_byte(s, 0xE0C0) == SIM_LCS_TE) {
        return false;
    }
    return s->open || c->run == cleat_sim_cmd_open;
}

static int execute(struct cleat_sim *s, struct cleat_bytes apdu, bool overflow,
                   struct cleat_writer *out) {
    struct cleat_reader r = cleat_reader_of(apdu);
    uint8_t cmd = cleat_read_u8(&r);
    uint8_t param = cleat_read_u8(&r);
    uint16_t len = cleat_read_u16(&r);
    if (!r.failed && (cmd & 0x80) != 0) {
        s->last_error = 0;
    }
    if (r.failed || overflow || len != cleat_reader_left(&r)) {
        return SIM_E_LENGTH;
    }
    const struct command *c = find(cmd);
    if (c == NULL || (is_new(c) && cleat_sim_chip_is_v1(s))) {
        return SIM_E_COMMAND;
    }
    if (!available(s, c)) {
        return SIM_E_UNAVAILABLE;
    }
    if (c->run != cleat_sim_cmd_encsym && c->run != cleat_sim_cmd_decsym) {
        cleat_sim_sym_end(s); /* no other command in between */
    }
    if (c->run != cleat_sim_cmd_protected) {
        cleat_sim_update_end(s);
    }
    struct cleat_reader in =
        cleat_reader_of(cleat_read_bytes(&r, cleat_reader_left(&r)));
    int code = c->run(s, param, in, out);
    if (code == SIM_OK && out->failed) {
        return SIM_E_MEMORY;
    }
    return code;
}

size_t cleat_sim_command_run(struct cleat_sim *s, struct cleat_bytes apdu,
                             bool overflow, uint8_t *out) {
    struct cleat_writer body = cleat_writer_of(out + 4, SIM_OUT_MAX);
    s->costs.commands++;
    int code = execute(s, apdu, overflow, &body);
    if (s->dirty && cleat_sim_store_save(s) != 0) {
        code = SIM_E_INTERNAL;
    }
    if (code != SIM_OK) {
        cleat_wipe(out + 4, SIM_OUT_MAX);
        body.len = 0;
        if (code > s->last_error) {
            s->last_error = (uint8_t)code;
        }
    }
    struct cleat_writer head = cleat_writer_of(out, 4);
    cleat_write_u8(&head, code == SIM_OK ? 0x00 : 0xFF);
    cleat_write_u8(&head, 0x00);
    cleat_write_u16(&head, (uint16_t)body.len);
    return cleat_sim_hostile_apdu(s, out, 4 + body.len);
}
