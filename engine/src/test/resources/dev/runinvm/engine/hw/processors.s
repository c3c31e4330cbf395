# Starts all other processors by INIT and STARTUP, waits until each has counted itself and tells how many there were.
# Assembled as ../bare-guest.s is; entered at its first byte in 64-bit mode.
        .intel_syntax noprefix
        .code64
        .set    CONSOLE, 0x3f8
        .set    APIC, 0xfee00000
        .set    COUNT, 0x3000
        .set    WANTED, 0x3008          # set by whoever starts the guest

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
        add     al, '0'
        mov     dx, CONSOLE
        out     dx, al
        cli                             # halted for ever, as the others are
3:      hlt
        jmp     3b

        .code16
trampoline:
        xor     ax, ax
        mov     ds, ax
        lock inc dword ptr [0x3000]
4:      hlt
        jmp     4b
trampoline_end:
