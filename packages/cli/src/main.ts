console.log('portolan');
