# A kernel of a few hundred bytes that drives a PC's devices: assembled to bare-guest.hex by
#   as guest.s -o guest.o && ld -Ttext=0x100000 --oformat binary -o guest.bin guest.o && xxd -p guest.bin
# It is entered at its first byte, in 64-bit mode with interrupts off and the first 4 GiB mapped one to one.
        .intel_syntax noprefix
        .code64
        .set    IDT, 0x1000
        .set    TICKS, 0x3000           # interrupts 0 seen
        .set    STACK, 0x90000
        .set    CONSOLE, 0x3f8

start:  mov     esp, STACK
        # An IDT of two gates: timer at 0x30, console at 0x34.
        mov     edi, IDT
        xor     eax, eax
        mov     ecx, 0x100 * 2
        rep stosq
        lea     rax, [rip + timer]
        mov     edi, IDT + 0x30 * 16
        call    gate
        lea     rax, [rip + console]
        mov     edi, IDT + 0x34 * 16
        call    gate
        lidt    [rip + idtr]

        # Both 8259s as Linux sets them up, all but 0 and 4 masked.
        mov     al, 0xff
        out     0x21, al
        out     0xa1, al
        mov     al, 0x11
        out     0x20, al
        mov     al, 0x30
        out     0x21, al
        mov     al, 4
        out     0x21, al
        mov     al, 1
        out     0x21, al
        mov     al, 0x11
        out     0xa0, al
        mov     al, 0x38
        out     0xa1, al
        mov     al, 2
        out     0xa1, al
        mov     al, 1
        out     0xa1, al
        mov     al, 0xff
        out     0xa1, al
        mov     al, 0xee
        out     0x21, al

        # Console: 8 bits, FIFOs, DTR RTS OUT2.
        mov     dx, CONSOLE + 3
        mov     al, 3
        out     dx, al
        mov     dx, CONSOLE + 2
        mov     al, 0x81
        out     dx, al
        mov     dx, CONSOLE + 4
        mov     al, 0x0b
        out     dx, al
        lea     rsi, [rip + hello]
        call    print

        # Ten periods of 1 ms, waited for in HLT.
        mov     dword ptr [TICKS], 0
        mov     al, 0x34
        out     0x43, al
        mov     ax, 1193
        out     0x40, al
        mov     al, ah
        out     0x40, al
        sti
1:      hlt
        cmp     dword ptr [TICKS], 10
        jb      1b
        lea     rsi, [rip + ticked]
        call    print

        # One shot of 20 ms in mode 4, and no second one: the next HLT is left by input only.
        cli
        mov     al, 0x38
        out     0x43, al
        mov     dword ptr [TICKS], 0
        mov     ax, 23864
        out     0x40, al
        mov     al, ah
        out     0x40, al
        sti
2:      hlt
        cmp     dword ptr [TICKS], 1
        jb      2b
        lea     rsi, [rip + shot]
        call    print

        # How many TSC cycles 10 ms of channel 2 take, in hexadecimal.
        in      al, 0x61
        and     al, 0xfc
        or      al, 1
        out     0x61, al
        mov     al, 0xb0
        out     0x43, al
        mov     al, 11932 % 256
        out     0x42, al
        mov     al, 11932 / 256
        out     0x42, al
        rdtsc
        shl     rdx, 32
        lea     rbx, [rax + rdx]
3:      in      al, 0x61
        test    al, 0x20
        jz      3b
        rdtsc
        shl     rdx, 32
        add     rax, rdx
        sub     rax, rbx
        call    hex

        # The host bridge's identity through configuration mechanism 1.
        mov     eax, 0x80000000
        mov     dx, 0xcf8
        out     dx, eax
        mov     dx, 0xcfc
        in      eax, dx
        call    hex

        # The channel's doorbell, as if there were something to flush.
        mov     edi, 0xe0100000
        mov     dword ptr [rdi], 1

        # Echo until reset.
        mov     dx, CONSOLE + 1
        mov     al, 1
        out     dx, al
4:      hlt
        jmp     4b

# Writes the gate at RDI for the handler at RAX: present, interrupt gate, current CS.
gate:   mov     [rdi], ax
        mov     [rdi + 2], cs
        mov     word ptr [rdi + 4], 0x8e00
        shr     rax, 16
        mov     [rdi + 6], rax
        ret

timer:  push    rax
        inc     dword ptr [TICKS]
        mov     al, 0x20
        out     0x20, al
        pop     rax
        iretq

# Echoes what came, letters in upper case; '!' resets the machine through the keyboard controller.
console:
        push    rax
        push    rdx
5:      mov     dx, CONSOLE + 2
        in      al, dx
        test    al, 1
        jnz     7f
        mov     dx, CONSOLE + 5
        in      al, dx
        test    al, 1
        jz      5b
        mov     dx, CONSOLE
        in      al, dx
        cmp     al, '!'
        jne     6f
        mov     al, 0xfe
        out     0x64, al
6:      and     al, 0xdf
        out     dx, al
        jmp     5b
7:      mov     al, 0x20
        out     0x20, al
        pop     rdx
        pop     rax
        iretq

# Prints the string at RSI, zero at its end, polling.
print:  lodsb
        test    al, al
        jz      9f
        call    put
        jmp     print
put:    push    rax
        mov     dx, CONSOLE + 5
8:      in      al, dx
        test    al, 0x20
        jz      8b
        pop     rax
        mov     dx, CONSOLE
        out     dx, al
9:      ret

# Prints RAX as 16 digits and a new line.
hex:    mov     ecx, 16
        mov     rbx, rax
a:      rol     rbx, 4
        mov     eax, ebx
        and     eax, 15
        add     al, '0'
        cmp     al, '9'
        jbe     b
        add     al, 'a' - '0' - 10
b:      push    rcx
        call    put
        pop     rcx
        dec     ecx
        jnz     a
        mov     al, 10
        jmp     put

idtr:   .word   0x1000 - 1
        .quad   IDT
hello:  .asciz  "up\n"
ticked: .asciz  "10 ticks\n"
shot:   .asciz  "shot\n"
