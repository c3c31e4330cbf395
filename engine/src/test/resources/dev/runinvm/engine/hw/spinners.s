# Starts all other processors by INIT and STARTUP; each then counts, in real mode, as fast as it can. Says "up", and prints
# what they have counted for each byte on the console. Assembled as ../bare-guest.s is; entered at its first byte in 64-bit mode.
        .intel_syntax noprefix
        .code64
        .set    CONSOLE, 0x3f8
        .set    APIC, 0xfee00000
        .set    COUNT, 0x3000
        .set    WANTED, 0x3008          # set by whoever starts the guest
        .set    COUNTERS, 0x3010

start:  mov     esp, 0x90000
        lea     rsi, [rip + trampoline]
        mov     edi, 0x8000
        mov     ecx, offset trampoline_end - trampoline
        cld
        rep movsb
        mov     edi, APIC
        mov     dword ptr [rdi + 0xf0], 0x1ff   # enable
        mov     dword ptr [rdi + 0x300], 0xc4500 # INIT to all but self
        mov     ecx, 1000
1:      pause
        loop    1b
        mov     dword ptr [rdi + 0x300], 0xc4608 # STARTUP at 0x8000
        mov     ebx, COUNT
2:      pause
        mov     eax, [rbx]
        cmp     eax, [rbx + 8]
        jb      2b
        mov     dx, CONSOLE + 4         # RTS
        mov     al, 3
        out     dx, al
        mov     dx, CONSOLE
        mov     al, 'u'
        out     dx, al
        mov     al, 'p'
        out     dx, al
        mov     al, 10
        out     dx, al
poll:   pause
        mov     dx, CONSOLE + 5
        in      al, dx
        test    al, 1
        jz      poll
        mov     dx, CONSOLE
        in      al, dx
        mov     ecx, [rbx + 8]
        lea     rsi, [rbx + 16]
3:      lodsd
        call    hex
        lodsd
        loop    3b
        jmp     poll

# Prints EAX as 8 digits and a line feed.
hex:    push    rcx
        mov     rcx, 8
        mov     dx, CONSOLE
4:      rol     eax, 4
        push    rax
        and     al, 15
        add     al, '0'
        cmp     al, '9'
        jbe     5f
        add     al, 'a' - '0' - 10
5:      out     dx, al
        pop     rax
        dec     rcx
        jnz     4b
        mov     al, 10
        out     dx, al
        pop     rcx
        ret

        .code16
trampoline:
        xor     ax, ax
        mov     ds, ax
        inc     ax
        lock xadd word ptr [COUNT], ax
        shl     ax, 3
        mov     bx, ax
6:      inc     dword ptr [bx + COUNTERS]
        jmp     6b
trampoline_end:
