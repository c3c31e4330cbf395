# Makes hypercalls at random through /dev/xen/privcmd, which hands them to the hypervisor as they are. Assembled to fuzz.hex by
#   as fuzz.s -o fuzz.o && ld -Ttext=0x400000 --oformat binary -o fuzz.bin fuzz.o && xxd -p fuzz.bin
# It is a whole ELF file. Called as
#   fuzz SEED TIMES NUMBERS
# NUMBERS has a bit for each hypercall that may be made. It prints how many of them did not fail, and exits with 1 if the
# device cannot be opened.
#
# Arguments are random numbers, small numbers, the guest's own domain, and pointers to a buffer of such values.
        .intel_syntax noprefix
        .code64
        .set    WRITE, 1
        .set    OPEN, 2
        .set    IOCTL, 16
        .set    EXIT, 60
        .set    HYPERCALL, 0x305000     # IOCTL_PRIVCMD_HYPERCALL
        .set    SELF, 0x7ff0            # DOMID_SELF
        .set    BUFFER, 64              # from RSP: hypercall, buffer of 4096 bytes
        .set    FRAME, 64 + 4096 + 32

        .globl  _start
elf:    .byte   0x7f, 'E', 'L', 'F', 2, 1, 1, 0 # 64 bits, little-endian
        .quad   0
        .short  2, 62                   # ET_EXEC, x86-64
        .long   1
        .quad   _start, 64, 0           # entry, program headers, no sections
        .long   0
        .short  64, 56, 1, 0, 0, 0
        .long   1, 5                    # PT_LOAD, readable and executable
        .quad   0, elf, elf, end - elf, end - elf, 4096

_start: mov     rsi, [rsp + 16]
        call    number
        lea     r15, [rax + 1]          # state of the generator, never 0
        mov     rsi, [rsp + 24]
        call    number
        mov     r12, rax                # calls left
        mov     rsi, [rsp + 32]
        call    number
        mov     r13, rax                # numbers allowed
        xor     r14d, r14d              # calls that succeeded
        sub     rsp, FRAME
        lea     rdi, [rip + device]
        mov     esi, 2                  # O_RDWR
        mov     eax, OPEN
        syscall
        test    rax, rax
        js      failed
        mov     rbp, rax

again:  call    random                  # a number that is allowed
        and     eax, 63
        bt      r13, rax
        jnc     again
        mov     [rsp], rax
        mov     ebx, 12                 # words of the buffer that change
fill:   call    value
        mov     rdi, rax
        call    random
        and     eax, 31
        mov     [rsp + BUFFER + 8 * rax], rdi
        dec     ebx
        jnz     fill
        mov     ebx, 5
args:   call    value
        mov     [rsp + 8 * rbx], rax
        dec     ebx
        jnz     args
        mov     rdi, rbp
        mov     esi, HYPERCALL
        mov     rdx, rsp
        mov     eax, IOCTL
        syscall
        test    rax, rax
        js      refused
        inc     r14
refused:
        dec     r12
        jnz     again

        mov     rax, r14
        lea     rsi, [rsp + 64]
        mov     byte ptr [rsi], 10
        mov     ecx, 10
        mov     ebx, 1
digits: xor     edx, edx
        div     rcx
        add     dl, '0'
        dec     rsi
        mov     [rsi], dl
        inc     ebx
        test    rax, rax
        jnz     digits
        mov     edi, 1
        mov     edx, ebx
        mov     eax, WRITE
        syscall
        xor     edi, edi
        jmp     exit
failed: mov     edi, 1
exit:   mov     eax, EXIT
        syscall

# RAX: a random number; changes RDX
random: mov     rdx, r15                # xorshift64
        shl     rdx, 13
        xor     r15, rdx
        mov     rdx, r15
        shr     rdx, 7
        xor     r15, rdx
        mov     rdx, r15
        shl     rdx, 17
        xor     r15, rdx
        mov     rax, r15
        ret

# RAX: a value of some kind, called from one level below the frame; changes RCX and RDX
value:  call    random
        mov     ecx, eax
        and     ecx, 7
        call    random
        cmp     ecx, 2
        jb      done
        cmp     ecx, 5
        jb      small
        cmp     ecx, 7
        jb      pointer
        mov     eax, SELF
done:   ret
small:  and     eax, 31
        ret
pointer:
        and     eax, 0xf8
        lea     rax, [rsp + 8 + BUFFER + rax]
        ret

# RAX: the decimal number at RSI
number: xor     eax, eax
digit:  movzx   ecx, byte ptr [rsi]
        inc     rsi
        sub     ecx, '0'
        jl      parsed
        imul    rax, rax, 10
        add     rax, rcx
        jmp     digit
parsed: ret

device: .asciz  "/dev/xen/privcmd"
end:
