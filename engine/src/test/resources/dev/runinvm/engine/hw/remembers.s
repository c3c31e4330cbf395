# Puts a value into every kind of register there is, says "ready", and then does what the console tells it, looking after
# each interrupt: 'c' compares all registers with what they were set to, 't' prints the time-stamp counter and how many
# interrupts the 8254 and the local APIC's timer have given, 'w' writes a page, 'q' resets the machine.
# Assembled as ../bare-guest.s is; entered at its first byte in 64-bit mode, the first 4 GiB mapped one to one.
        .intel_syntax noprefix
        .code64
        .set    CONSOLE, 0x3f8
        .set    APIC, 0xfee00000
        .set    IDT, 0x2000
        .set    TICKS, 0x4008           # of the 8254
        .set    BEATS, 0x4010           # of the local APIC
        .set    HAS_AVX, 0x4018
        .set    FIRST, 0x5000           # FXSAVE's, as set
        .set    NOW, 0x5200             # and as found
        .set    PAGE, 0x200000
        .set    STRIPE, 0x0123456789abcdef

start:  mov     esp, 0x90000
        mov     edi, IDT + 0x20 * 16
        lea     rax, [rip + tick]
        call    gate
        mov     edi, IDT + 0x30 * 16
        lea     rax, [rip + beat]
        call    gate
        lidt    [rip + idtr]

        lea     rsi, [rip + pic]        # the 8259s, the 8254 in mode 2 at 100 Hz, the console's RTS
1:      movzx   edx, word ptr [rsi]
        mov     al, [rsi + 2]
        add     rsi, 3
        test    edx, edx
        jz      2f
        out     dx, al
        jmp     1b
2:
        mov     edi, APIC
        mov     dword ptr [rdi + 0xf0], 0x1ff
        mov     dword ptr [rdi + 0x3e0], 0xb
        mov     dword ptr [rdi + 0x320], 0x20030
        mov     dword ptr [rdi + 0x380], 10000000

        mov     rax, cr4                # x87, SSE and, where it is, AVX
        or      eax, 0x600
        mov     cr4, rax
        fninit
        fldpi
        fldl2e
        fld1
        lea     rsi, [rip + mxcsr]
        ldmxcsr [rsi]
        mov     rax, STRIPE
        mov     esi, 0x5400
        mov     ecx, 32
3:      mov     [rsi], rax
        ror     rax, 3
        add     rsi, 8
        loop    3b
        mov     esi, 0x5400
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        movdqu  xmm\n, [rsi + 16 * \n]
        .endr
        mov     edi, FIRST
        fxsave64 [rdi]
        mov     eax, 1
        cpuid
        and     ecx, 0x14000000
        cmp     ecx, 0x14000000         # XSAVE and AVX
        jne     4f
        mov     rax, cr4
        or      eax, 1 << 18
        mov     cr4, rax
        xor     ecx, ecx
        xor     edx, edx
        mov     eax, 7
        xsetbv
        mov     esi, 0x5408
        vinsertf128 ymm5, ymm5, [rsi], 1
        mov     edi, HAS_AVX
        mov     dword ptr [rdi], 1
4:
        mov     rax, STRIPE             # debug registers, none of them at work
        shr     rax, 8
        mov     dr0, rax
        inc     rax
        mov     dr1, rax
        inc     rax
        mov     dr2, rax
        inc     rax
        mov     dr3, rax
        mov     eax, 0x0ddd0400
        mov     dr7, rax
        mov     rax, STRIPE
        mov     cr2, rax
        mov     eax, 1
        mov     cr8, rax

        lea     rsi, [rip + msrs]
5:      mov     ecx, [rsi]
        test    ecx, ecx
        jz      6f
        mov     eax, [rsi + 4]
        mov     edx, [rsi + 8]
        wrmsr
        add     rsi, 12
        jmp     5b
6:
        mov     rax, STRIPE
        .irp    r, r8,r9,r10,r11,r12,r13,r14,r15
        ror     rax, 7
        mov     \r, rax
        .endr
        mov     edi, PAGE
        mov     [rdi], rax
        lea     rsi, [rip + ready]
        call    print
        sti

wait:   hlt
poll:   mov     dx, CONSOLE + 5
        in      al, dx
        test    al, 1
        jz      wait
        mov     dx, CONSOLE
        in      al, dx
        cmp     al, 'c'
        je      check
        cmp     al, 't'
        je      times
        cmp     al, 'w'
        je      write
        cmp     al, 'q'
        jne     poll
        mov     dx, 0xcf9
        mov     al, 6
        out     dx, al
7:      hlt
        jmp     7b

times:  rdtsc
        shl     rdx, 32
        or      rax, rdx
        call    hex
        mov     esi, TICKS
        mov     rax, [rsi]
        call    hex
        mov     esi, BEATS
        mov     rax, [rsi]
        call    hex
        jmp     poll

write:  mov     edi, PAGE
        not     qword ptr [rdi]
        mov     rax, [rdi]
        call    hex
        jmp     poll

# EBX is the number of the comparison.
check:  xor     ebx, ebx
        mov     rax, STRIPE
        .irp    r, r8,r9,r10,r11,r12,r13,r14,r15
        inc     ebx
        ror     rax, 7
        cmp     \r, rax
        jne     bad
        .endr
        inc     ebx                     # 9
        mov     edi, NOW
        fxsave64 [rdi]
        mov     esi, FIRST
        cmpsd                           # control and status words
        jne     bad
        inc     ebx                     # 10
        cmpsb                           # tags
        jne     bad
        inc     ebx                     # 11
        mov     esi, FIRST + 24
        mov     edi, NOW + 24
        mov     ecx, (416 - 24) / 4
        repe    cmpsd
        jne     bad
        inc     ebx                     # 12
        mov     edi, HAS_AVX
        cmp     dword ptr [rdi], 0
        je      8f
        xor     ecx, ecx
        xgetbv
        cmp     eax, 7
        jne     bad
        inc     ebx                     # 13
        mov     edi, NOW
        vextractf128 [rdi], ymm5, 1
        mov     esi, 0x5408
        cmpsq
        jne     bad
        cmpsq
        jne     bad
8:      mov     ebx, 14
        mov     rax, STRIPE
        shr     rax, 8
        mov     rcx, dr0
        cmp     rax, rcx
        jne     bad
        inc     ebx
        inc     rax
        mov     rcx, dr1
        cmp     rax, rcx
        jne     bad
        inc     ebx
        inc     rax
        mov     rcx, dr2
        cmp     rax, rcx
        jne     bad
        inc     ebx
        inc     rax
        mov     rcx, dr3
        cmp     rax, rcx
        jne     bad
        inc     ebx                     # 18
        mov     rcx, dr7
        cmp     ecx, 0x0ddd0400
        jne     bad
        inc     ebx
        mov     rax, STRIPE
        mov     rcx, cr2
        cmp     rax, rcx
        jne     bad
        inc     ebx                     # 20
        mov     rcx, cr8
        cmp     ecx, 1
        jne     bad
        inc     ebx
        in      al, 0x21
        cmp     al, 0xfe
        jne     bad
        inc     ebx
        mov     edi, APIC
        cmp     dword ptr [rdi + 0x320], 0x20030
        jne     bad
        mov     ebx, 32
        lea     rsi, [rip + msrs]
9:      mov     ecx, [rsi]
        test    ecx, ecx
        jz      10f
        rdmsr
        cmp     eax, [rsi + 4]
        jne     bad
        cmp     edx, [rsi + 8]
        jne     bad
        inc     ebx
        add     rsi, 12
        jmp     9b
10:     lea     rsi, [rip + good]
        call    print
        jmp     poll
bad:    lea     rsi, [rip + wrong]
        call    print
        mov     eax, ebx
        call    hex
        jmp     poll

# Makes the gate at EDI lead to RAX.
gate:   mov     [rdi], ax
        mov     dword ptr [rdi + 2], 0x10
        mov     word ptr [rdi + 4], 0x8e00
        shr     rax, 16
        mov     [rdi + 6], ax
        shr     rax, 16
        mov     [rdi + 8], rax
        ret

tick:   push    rax
        push    rdi
        mov     edi, TICKS
        inc     qword ptr [rdi]
        mov     al, 0x20
        out     0x20, al
        pop     rdi
        pop     rax
        iretq

beat:   push    rdi
        mov     edi, BEATS
        inc     qword ptr [rdi]
        mov     edi, APIC
        mov     dword ptr [rdi + 0xb0], 0
        pop     rdi
        iretq

# Prints the text at RSI up to a zero byte.
print:  push    rax
        push    rdx
        mov     dx, CONSOLE
11:     lodsb
        test    al, al
        jz      12f
        out     dx, al
        jmp     11b
12:     pop     rdx
        pop     rax
        ret

# Prints RAX as 16 digits and a line feed.
hex:    push    rcx
        push    rdx
        mov     rcx, 16
        mov     dx, CONSOLE
13:     rol     rax, 4
        push    rax
        and     al, 15
        add     al, '0'
        cmp     al, '9'
        jbe     14f
        add     al, 'a' - '0' - 10
14:     out     dx, al
        pop     rax
        dec     rcx
        jnz     13b
        push    rax
        mov     al, 10
        out     dx, al
        pop     rax
        pop     rdx
        pop     rcx
        ret

ready:  .asciz  "ready\n"
good:   .asciz  "all as it was\n"
wrong:  .asciz  "changed: "
mxcsr:  .long   0x3f80                  # rounds down
idtr:   .word   0xfff
        .quad   IDT
        .macro  port number, value
        .word   \number
        .byte   \value
        .endm
pic:    port    0x20, 0x11
        port    0x21, 0x20
        port    0x21, 4
        port    0x21, 1
        port    0x21, 0xfe
        port    0xa0, 0x11
        port    0xa1, 0x28
        port    0xa1, 2
        port    0xa1, 1
        port    0xa1, 0xff
        port    0x43, 0x34
        port    0x40, 11932 & 255
        port    0x40, 11932 >> 8
        port    CONSOLE + 4, 3
        .word   0
        .byte   0
        .macro  msr number, value
        .long   \number
        .quad   \value
        .endm
msrs:   msr     0xc0000081, 0x0013000800000000  # STAR
        msr     0xc0000082, 0xffffffff81234560  # LSTAR
        msr     0xc0000083, 0xffffffff81234570  # CSTAR
        msr     0xc0000084, 0x47700             # SFMASK
        msr     0xc0000100, 0x0000123456789000  # FS's base
        msr     0xc0000101, 0xffff888012345000  # GS's base
        msr     0xc0000102, 0x00007f1234567000  # GS's other base
        msr     0x174, 0x10                     # SYSENTER's CS, ESP, EIP
        msr     0x175, 0x8000
        msr     0x176, 0x9000
        msr     0x277, 0x0007040600070406       # PAT
        msr     0x200, 0x00000000c0000000       # a variable memory type range, not in use
        .long   0
